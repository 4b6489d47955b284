/** A certificate authority for tests, and certificates that it issues, made with openssl. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface TestCertificate {
  /** Files: the chain, the key, both in one file, and the authority. */
  cert: string;
  key: string;
  both: string;
  ca: string;
}

export interface CertificateOptions {
  /** As openssl writes them, such as `DNS:localhost,IP:127.0.0.1`; without any, no extension. */
  names: string;
  /** Whether an intermediate authority issues it, and whether the chain includes that one. */
  intermediate?: "sent" | "missing";
  days?: number;
  /** The clock of openssl, for certificates of the past, such as `2026-01-01`. */
  at?: string;
}

/** Makes an authority in this directory and a certificate of it. */
export function issueCertificate(dir: string, options: CertificateOptions): TestCertificate {
  const { names, intermediate, days = 30, at } = options;
  const file = (name: string) => join(dir, name);
  const run = (args: string[]) => openssl(args, at);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const isCa = "basicConstraints=critical,CA:TRUE";
  run([
    ...["req", "-x509", ...curve, "-keyout", file("ca.key"), "-out", file("ca.pem")],
    ...["-days", String(days + 1), "-subj", "/CN=Test Root", "-addext", isCa],
  ]);
  const sign = (name: string, subject: string, issuer: string, extension: string) => {
    const request = ["-keyout", file(`${name}.key`), "-out", file(`${name}.csr`)];
    run(["req", ...curve, ...request, "-subj", subject]);
    writeFileSync(file(`${name}.ext`), extension);
    run([
      ...["x509", "-req", "-in", file(`${name}.csr`), "-out", file(`${name}.pem`)],
      ...["-CA", file(`${issuer}.pem`), "-CAkey", file(`${issuer}.key`), "-CAcreateserial"],
      ...["-days", String(days), "-extfile", file(`${name}.ext`)],
    ]);
  };
  if (intermediate !== undefined) sign("middle", "/CN=Test Intermediate", "ca", `${isCa}\n`);
  const issuer = intermediate === undefined ? "ca" : "middle";
  sign("leaf", "/CN=wsctl test", issuer, names === "" ? "" : `subjectAltName=${names}\n`);
  const read = (name: string) => readFileSync(file(name), "utf8");
  const chain = read("leaf.pem") + (intermediate === "sent" ? read("middle.pem") : "");
  writeFileSync(file("chain.pem"), chain);
  writeFileSync(file("both.pem"), chain + read("leaf.key"));
  const [cert, key, both] = [file("chain.pem"), file("leaf.key"), file("both.pem")];
  return { cert, key, both, ca: file("ca.pem") };
}

/** Debian's library, in the directory of the machine's architecture. */
const libfaketime = "/usr/$LIB/faketime/libfaketime.so.1";

function openssl(args: string[], at: string | undefined): void {
  const clock = at === undefined ? {} : { LD_PRELOAD: libfaketime, FAKETIME: `${at} 00:00:00` };
  const { status, stderr } = spawnSync("openssl", args, { env: { ...process.env, ...clock } });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
