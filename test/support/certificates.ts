/** What a TLS server presents, without trusting it. */
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
