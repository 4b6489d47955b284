/**
 * Parses the header in which a TCP load balancer names its client: the PROXY protocol of HAProxy,
 * versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt). Pure.
 */
import { isIP } from "node:net";

/** The parsed beginning of a connection. */
export type ProxyHeader =
  /** It is a header, or may become one. */
  | { state: "incomplete" }
  /** The connection does not begin with a header. */
  | { state: "none" }
  /** A header that is invalid, or of a kind that is no TCP connection. */
  | { state: "invalid"; reason: string }
  /** `length` is that of the header, and `client` is absent if the balancer itself connects. */
  | { state: "complete"; length: number; client?: string };

/** The signature of version 2: no HTTP request and no TLS record begins with it. */
const signature = Buffer.from([
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
]);
const textStart = Buffer.from("PROXY ");
/** The longest header of version 1 with its line end (section 2.1). */
const textBytesMax = 107;
const fixedBytes = 16;
/** Addresses of TCP over IPv6 have 36 bytes; the rest is for extensions of balancers. */
const extensionBytesMax = 4_096;

/** Parses the first bytes of a connection. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsLike(bytes, signature)) {
    return bytes.length < fixedBytes ? { state: "incomplete" } : parseBinary(bytes);
  }
  if (beginsLike(bytes, textStart)) {
    return bytes.length < textStart.length ? { state: "incomplete" } : parseText(bytes);
  }
  return { state: "none" };
}

/** Whether the bytes begin with a mark, as far as there are bytes. */
function beginsLike(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, length).equals(mark.subarray(0, length));
}

function parseText(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf("\r\n");
  if (end === -1 && bytes.length < textBytesMax) return { state: "incomplete" };
  if (end === -1 || end + 2 > textBytesMax) return invalid("its line is too long");
  const [, protocol, client = "", server = "", ...ports] = bytes
    .toString("latin1", 0, end)
    .split(" ");
  if (protocol === "UNKNOWN") return { state: "complete", length: end + 2 };
  const family = protocol === "TCP4" ? 4 : protocol === "TCP6" ? 6 : undefined;
  const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
  const isRight = isIP(client) === family && isIP(server) === family;
  if (family === undefined || !isRight || ports.length !== 2 || !ports.every(isPort)) {
    return invalid("its line is not PROXY TCP4|TCP6 ADDRESS ADDRESS PORT PORT");
  }
  return { state: "complete", length: end + 2, client };
}

function parseBinary(bytes: Buffer): ProxyHeader {
  const [versionAndCommand = 0, familyAndTransport = 0] = bytes.subarray(12, 14);
  const extent = bytes.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) return invalid(`its version is ${versionAndCommand >> 4}`);
  if (extent > extensionBytesMax) return invalid(`it has ${extent} bytes`);
  const length = fixedBytes + extent;
  if (bytes.length < length) return { state: "incomplete" };
  const command = versionAndCommand & 15;
  // The balancer connects for itself, for example to check the health.
  if (command === 0) return { state: "complete", length };
  if (command !== 1) return invalid(`its command is ${command}`);
  if (familyAndTransport === 0) return { state: "complete", length };
  const addressBytes = familyAndTransport === 0x11 ? 4 : familyAndTransport === 0x21 ? 16 : 0;
  if (addressBytes === 0) return invalid("it is of no TCP connection");
  if (extent < 2 * addressBytes + 4) return invalid("its addresses are cut off");
  const address = bytes.subarray(fixedBytes, fixedBytes + addressBytes);
  return { state: "complete", length, client: formatAddress(address) };
}

function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    bytes.readUInt16BE(2 * index).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function invalid(reason: string): ProxyHeader {
  return { state: "invalid", reason };
}
