/** The flag `--metrics` of an agent. */
import { isIP } from "node:net";
import { usage } from "../cli/strictArgs.ts";

export interface ListenAddress {
  /** An IP address without brackets, or `localhost`. */
  host: string;
  port: number;
}

/**
 * Parses `PORT`, which is one of loopback, or `ADDRESS:PORT`.
 * @throws {WsctlError} USAGE
 */
export function parseMetricsAddress(text: string): ListenAddress {
  const [, host = "127.0.0.1", digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const port = Number(digits);
  const isAddress = bare === "localhost" || isIP(bare) !== 0;
  if (digits !== undefined && port <= 65_535 && isAddress) return { host: bare, port };
  throw usage(`Flag --metrics is "${text}": expected PORT or ADDRESS:PORT, such as 127.0.0.1:9464`);
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
