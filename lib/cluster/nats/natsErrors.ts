/** Errors of NATS in plain words, each with what to do. */
import { errorText, WsctlError } from "../../protocol/errors.ts";

/** Numbers of the JetStream API (`err_code`), from the list in the source of nats-server. */
export const jetStreamCodes = {
  noSuitablePeers: 10005,
  temporarilyUnavailable: 10008,
  notEnabled: 10076,
  notEnabledForAccount: 10039,
  replicasNotSupported: 10074,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  insufficientResources: 10023,
} as const;

/** Returns the number of an error of the JetStream API; undefined for other errors. */
export function jetStreamCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

/** Returns the error of a start, with what to do. */
export function explainNatsError(error: unknown, servers: readonly string[]): WsctlError {
  if (error instanceof WsctlError) return error;
  const at = servers.join(", ");
  const text = chainText(error);
  const plain = (code: "UNAVAILABLE" | "USAGE", message: string) =>
    new WsctlError(code, message, { cause: error });
  if (/authorization|authentication/i.test(text)) {
    return plain(
      "USAGE",
      `Cannot log in to NATS at ${at}: the user or the password is wrong, or missing. Give them in the URL, or with --cluster-credentials`,
    );
  }
  if (/permissions? violation/i.test(text)) {
    return plain(
      "USAGE",
      `Cannot use NATS at ${at}: ${text}. Give the user the permissions that wsctl cluster nats-config prints`,
    );
  }
  const code = jetStreamCode(error);
  const { notEnabled, notEnabledForAccount, replicasNotSupported, noSuitablePeers } =
    jetStreamCodes;
  if (
    code === notEnabled ||
    code === notEnabledForAccount ||
    /no ?responders|jetstream.*not enabled/i.test(text)
  ) {
    return plain(
      "UNAVAILABLE",
      `Cannot use NATS at ${at}: JetStream is not enabled. Start nats-server with a "jetstream" block, as wsctl cluster nats-config prints it`,
    );
  }
  const tooFew = [replicasNotSupported, noSuitablePeers, jetStreamCodes.insufficientResources];
  if (tooFew.includes(code as (typeof tooFew)[number])) {
    return plain(
      "UNAVAILABLE",
      `Cannot store the log in NATS at ${at}: too few servers with JetStream run (${text}). Start the others, or set --cluster-replicas 1`,
    );
  }
  if (/certificate|self.signed|tls/i.test(text)) {
    return plain(
      "USAGE",
      `Cannot trust NATS at ${at}: ${text}. Give the CA of its certificate with --cluster-ca`,
    );
  }
  return plain(
    "UNAVAILABLE",
    `Cannot reach NATS at ${at}: ${text}. Check the addresses, and that nats-server runs`,
  );
}

function chainText(error: unknown): string {
  const own = errorText(error);
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? own : `${own}: ${chainText(cause)}`;
}
