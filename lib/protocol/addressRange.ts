/** IP addresses, and ranges of them such as `10.0.0.0/8` (CIDR, RFC 4632). */
import type { BlockList } from "node:net";

type Net = typeof import("node:net");

let loaded: Net | undefined;

/** Loaded when it is needed: it takes long, and few commands look at an address. */
function net(): Net {
  loaded ??= process.getBuiltinModule("node:net");
  return loaded;
}

/** Returns 4 or 6 for an IP address, and 0 for any other text. */
export function ipVersion(text: string): number {
  return net().isIP(text);
}

/** Whether the text is an address or a range, without a zone id. */
export function isAddressRange(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const family = ipVersion(address);
  // A zone id after "%" is meaningful on one host only (RFC 4007).
  if (family === 0 || more.length > 0 || address.includes("%")) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/**
 * Returns an address without its zone id, and an IPv4-mapped one as IPv4 (RFC 4291, section
 * 2.5.5.2), in either of its notations. Other text is returned as it is.
 */
export function plainAddress(text: string): string {
  const [bare = ""] = text.split("%");
  const [, dotted, high, low] =
    /^::ffff:(?:([\d.]+)|([\da-f]{1,4}):([\da-f]{1,4}))$/i.exec(bare) ?? [];
  if (dotted !== undefined && ipVersion(dotted) === 4) return dotted;
  if (high === undefined || low === undefined) return bare;
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join(".");
}

/** A set of addresses and ranges. */
export class AddressRanges {
  readonly #ranges: readonly string[];
  /** Made when it is needed: most commands ask for no address. */
  #list: BlockList | undefined;

  /** @param ranges Texts that `isAddressRange` accepts. */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges;
  }

  /** Whether the address is in one of the ranges. IPv4-mapped addresses are treated as IPv4. */
  has(address: string): boolean {
    const plain = plainAddress(address);
    const family = ipVersion(plain);
    if (family === 0) return false;
    this.#list ??= blockList(this.#ranges);
    return this.#list.check(plain, family === 6 ? "ipv6" : "ipv4");
  }
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new (net().BlockList)();
  for (const range of ranges) {
    const [base = "", bits] = range.split("/");
    const isV6 = ipVersion(base) === 6;
    const length = bits === undefined ? (isV6 ? 128 : 32) : Number(bits);
    list.addSubnet(base, length, isV6 ? "ipv6" : "ipv4");
  }
  return list;
}
