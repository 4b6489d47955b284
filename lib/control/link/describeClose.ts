/** Describes in words how the connection of an agent ended. */
import { closeCodes, type SocketClose } from "../../protocol/wire/closeCodes.ts";

/** Codes without a meaning of their own in the protocol (RFC 6455, section 7.4.1). */
const meanings: Readonly<Record<number, string>> = {
  1001: "the agent went away",
  1005: "the agent closed the connection without a code",
  1006: "the connection was lost",
};

/** @param reason The text of the peer, which may be empty. */
export function describeClose(code: number, reason: string): SocketClose {
  if (reason !== "") return { code, reason };
  const known = Object.values(closeCodes).find((each) => each.code === code)?.meaning;
  return { code, reason: meanings[code] ?? known ?? "the agent closed the connection" };
}
