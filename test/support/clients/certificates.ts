/** What a TLS server presents, without trusting it. */
import { spawn } from "node:child_process";
import { connect } from "node:tls";

export interface Presented {
  serial: string;
  names: string;
  validTo: string;
  /** The subject of whoever issued it. */
  issuer: string;
}

/** The certificate under which a server answers at this moment. */
export function presented(port: number): Promise<Presented> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, rejectUnauthorized: false };
    const socket = connect(options, () => {
      const { serialNumber, subjectaltname, valid_to, issuer } = socket.getPeerCertificate();
      socket.destroy();
      const names = subjectaltname ?? "";
      resolve({ serial: serialNumber, names, validTo: valid_to, issuer: String(issuer.CN) });
    });
    socket.once("error", reject);
  });
}

/** Whether a server speaks exactly this version, such as `tls1_1`, with ciphers however old. */
export function speaks(port: number, version: string): Promise<boolean> {
  const words = ["s_client", `-${version}`, "-cipher", "DEFAULT:@SECLEVEL=0", "-connect"];
  const child = spawn("openssl", [...words, `127.0.0.1:${port}`], { stdio: "ignore" });
  return new Promise((resolve) => child.once("close", (code) => resolve(code === 0)));
}
