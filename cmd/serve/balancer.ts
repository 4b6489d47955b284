/** The flags of `serve` for what stands between it and its clients. */
import type { ArgsDef } from "citty";
import { withProxyProtocol } from "../../lib/control/balancer/withProxyProtocol.ts";
import type { Log } from "../../lib/log/log.ts";
import { isAddressRange } from "../../lib/protocol/addressRange.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { usage } from "../cli/strictArgs.ts";

export const balancerArgs = {
  "trusted-proxy": {
    type: "string",
    valueHint: "ADDRESS",
    description:
      "address or range of a reverse proxy or balancer that tells the addresses of clients (repeatable)",
  },
  "proxy-protocol": {
    type: "boolean",
    description: "read the PROXY protocol of the TCP load balancers that --trusted-proxy names",
  },
} as const satisfies ArgsDef;

export interface BalancerFlags {
  /** The values of `--trusted-proxy`. */
  trustedProxies: string[];
  "proxy-protocol"?: boolean | undefined;
}

/**
 * Returns the proxies whose headers name clients. With the PROXY protocol the balancers pass the
 * headers of clients on unread, so that no header counts.
 * @throws {WsctlError} USAGE
 */
export function parseTrustedProxies({
  trustedProxies: texts,
  "proxy-protocol": isOn = false,
}: BalancerFlags): string[] {
  const wrong = texts.find((text) => !isAddressRange(text));
  if (wrong === undefined) return isOn ? [] : texts;
  throw usage(
    `Flag --trusted-proxy is "${wrong}": expected an address or a range such as 10.0.0.0/8`,
  );
}

/**
 * Returns the runtime that serves behind these balancers.
 * @throws {WsctlError} USAGE without the addresses of the balancers
 */
export function behindBalancers(
  runtime: Runtime,
  { "proxy-protocol": isOn = false, trustedProxies: balancers }: BalancerFlags,
  base: { clock: Clock; log: Log },
): Runtime {
  if (!isOn) return runtime;
  if (balancers.length > 0) return withProxyProtocol(runtime, { ...base, balancers });
  throw usage("Flag --proxy-protocol needs --trusted-proxy ADDRESS for each load balancer");
}
