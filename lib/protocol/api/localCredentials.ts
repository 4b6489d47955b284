/** The local credentials file, written by `serve` and read by other commands on the host. */
export const localFile = "local.json";

export interface LocalCredentials {
  /** The URL at which this host reaches the control plane, such as `http://127.0.0.1:7420`. */
  url: string;
  /** A token of the role `admin`. */
  token: string;
  /** The process id of the control plane while it runs. */
  pid?: number;
  /** PEM text of the CA to trust, with TLS. */
  ca?: string;
  /** The name under which the control plane shows its own certificate. */
  server_name?: string;
}

/**
 * The TLS server name (SNI) under which a control plane with a certificate of the operator shows
 * one of its own CA. With it, local commands work whatever the names of the other certificate are.
 */
export const localServerName = "local.wsctl.internal";
