/**
 * A release: one binary for each platform, what is inside of it (`sbom.cdx.json`), and the hashes
 * of it all (`SHA256SUMS`), signed. The same commit gives the same bytes.
 *
 *   npm run release -- --output DIR [--target bun-linux-x64 …] [--key FILE]
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readPrivateKey } from "../lib/protocol/keys.ts";
import { build } from "./build.ts";
import { sbom } from "./sbom.ts";

/** Old processors have their own builds, and so has the C library of Alpine. */
const targets = [
  ...["bun-linux-x64-baseline", "bun-linux-arm64", "bun-linux-x64-musl", "bun-linux-arm64-musl"],
  ...["bun-darwin-x64", "bun-darwin-arm64"],
];

const { values } = parseArgs({
  options: {
    output: { type: "string" },
    target: { type: "string", multiple: true, default: targets },
    key: { type: "string" },
  },
});
if (values.output === undefined) throw new Error("say where to: --output DIR");
mkdirSync(values.output, { recursive: true });
const files: string[] = [];
for (const target of values.target) {
  const name = `wsctl-${target.replace(/^bun-/, "")}`;
  await build({ target, outfile: join(values.output, name) });
  files.push(name);
}
writeFileSync(join(values.output, "sbom.cdx.json"), sbom());
copyFileSync(new URL("install.sh", import.meta.url).pathname, join(values.output, "install.sh"));
files.push("sbom.cdx.json", "install.sh");
const sums = files.map((name) => {
  const bytes = readFileSync(join(values.output ?? "", name));
  return `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
});
const text = sums.join("");
writeFileSync(join(values.output, "SHA256SUMS"), text);
if (values.key !== undefined) {
  const key = readPrivateKey(readFileSync(values.key, "utf8"), process.env.WSCTL_PASSPHRASE);
  const signature = Buffer.from(key.sign(Buffer.from(text))).toString("base64");
  writeFileSync(join(values.output, "SHA256SUMS.sig"), `${signature}\n`);
  console.log(`signed by ${key.publicKey.text}`);
}
console.log(text.trimEnd());
