/** The file of local credentials, written by `serve` and read by everything else on the host. */
export const localFile = "local.json";

export interface LocalCredentials {
  /** Of the control plane on this host: `http://127.0.0.1:7420`. */
  url: string;
  /** A token of the role `admin`. */
  token: string;
  /** Its process, as long as that runs. */
  pid?: number;
  /** PEM text of the authority to trust, where the certificate is self-signed. */
  ca?: string;
}
