/**
 * Where webhooks may be sent. A control plane reaches addresses that its operators do not, so
 * loopback, link-local and metadata addresses are refused unless `serve` allows them. Without TLS an
 * address must be allowed, because only a certificate shows that the name still leads to it.
 */
import { lookup } from "node:dns/promises";
import { AddressRanges } from "../../protocol/addressRange.ts";
import { WsctlError } from "../../protocol/errors.ts";

/** Loopback, "this" network, link-local with the metadata services, and those of two clouds. */
const refused = new AddressRanges([
  ...["127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "100.100.100.200", "192.0.0.192"],
  ...["::1", "::", "fe80::/10", "fd00:ec2::254"],
]);

/** @throws {WsctlError} FORBIDDEN with what to allow, UNREACHABLE if the name has no address */
export async function assertWebhookAddress(url: URL, allowed: AddressRanges): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const found = await lookup(host, { all: true }).catch((cause) => {
    const text = `Cannot resolve "${host}" of the webhook`;
    throw new WsctlError("UNREACHABLE", text, { cause });
  });
  for (const { address } of found) {
    if (allowed.has(address)) continue;
    const advice = `Allow it with wsctl serve --webhook-allow ${address}`;
    if (refused.has(address)) {
      throw new WsctlError("FORBIDDEN", `Webhooks may not be sent to ${address}. ${advice}`);
    }
    if (url.protocol !== "https:") {
      throw new WsctlError("FORBIDDEN", `Webhooks need https://. Or: ${advice}`);
    }
  }
}
