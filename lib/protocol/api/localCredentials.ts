/** The local credentials file, written by `serve` and read by other commands on the host. */
export const localFile = "local.json";

export interface LocalCredentials {
  /** The URL of the control plane on this host, such as `http://127.0.0.1:7420`. */
  url: string;
  /** A token of the role `admin`. */
  token: string;
  /** The process id of the control plane while it runs. */
  pid?: number;
  /** PEM text of the CA to trust, if the certificate is self-signed. */
  ca?: string;
}
