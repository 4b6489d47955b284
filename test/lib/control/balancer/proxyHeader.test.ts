import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseProxyHeader } from "../../../../lib/control/balancer/proxyHeader.ts";

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

function binary(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from([0x20 | command, family, body.length >> 8, body.length & 255]);
  return Buffer.concat([signature, head, body]);
}

const ports = [0x12, 0x34, 0x01, 0xbb];
const overIpv4 = binary(1, 0x11, Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, ...ports]));
const source6 = Buffer.from("20010db8000000000000000000000007", "hex");
const overIpv6 = binary(1, 0x21, Buffer.concat([source6, source6, Buffer.from(ports)]));
const extension = Buffer.from([192, 0, 2, 8, 10, 0, 0, 1, ...ports, 0xea, 0, 1, 0]);

describe("parseProxyHeader()", () => {
  test.each([
    [Buffer.from("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"), "192.0.2.7"],
    [Buffer.from("PROXY TCP6 2001:db8::7 ::1 4711 443\r\n"), "2001:db8::7"],
    [Buffer.from("PROXY UNKNOWN\r\n"), undefined],
    [Buffer.from("PROXY UNKNOWN ffff:f::1 ffff:f::2 65535 65535\r\n"), undefined],
    [overIpv4, "192.0.2.7"],
    [overIpv6, "2001:db8::7"],
    [binary(1, 0x11, extension), "192.0.2.8"],
    [binary(0, 0, Buffer.alloc(0)), undefined],
    [binary(1, 0, Buffer.alloc(7)), undefined],
  ])("finds the client and the length of a header (case %#)", (header, client) => {
    const bytes = Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]);
    expect(parseProxyHeader(bytes)).toEqual({
      ...{ state: "complete", length: header.length },
      ...(client === undefined ? {} : { client }),
    });
    for (let end = 1; end < header.length; end++) {
      expect(parseProxyHeader(header.subarray(0, end))).toEqual({ state: "incomplete" });
    }
  });

  test.each([
    ["PROXY TCP4 2001:db8::7 10.0.0.1 4711 443\r\n", "its line is not"],
    ["PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n", "its line is not"],
    ["PROXY TCP4 192.0.2.7 10.0.0.1 4711 65536\r\n", "its line is not"],
    ["PROXY UDP4 192.0.2.7 10.0.0.1 4711 443\r\n", "its line is not"],
    [`PROXY ${"x".repeat(200)}`, "its line is too long"],
    [Buffer.concat([signature, Buffer.from([0x11, 0x11, 0, 0])]), "its version is 1"],
    [Buffer.concat([signature, Buffer.from([0x21, 0x11, 255, 255])]), "it has 65535 bytes"],
    [binary(2, 0x11, Buffer.alloc(12)), "its command is 2"],
    [binary(1, 0x12, Buffer.alloc(12)), "it is of no TCP connection"],
    [binary(1, 0x11, Buffer.alloc(11)), "its addresses are cut off"],
  ])("says what is wrong with a header (case %#)", (bytes, reason) => {
    const parsed = parseProxyHeader(Buffer.from(bytes));
    expect(parsed).toMatchObject({ state: "invalid", reason: expect.stringContaining(reason) });
  });

  test("takes neither an HTTP request nor a TLS record for a header", () => {
    for (const bytes of ["GET / HTTP/1.1\r\n", "P", "PUT /x", "\x16\x03\x01", "\r\n\r\nGET"]) {
      const { state } = parseProxyHeader(Buffer.from(bytes, "latin1"));
      expect(state).toBe(bytes === "P" ? "incomplete" : "none");
    }
  });

  test("accepts any bytes, and never a header that is longer than they are", () => {
    const starts = [
      Buffer.alloc(0),
      signature,
      Buffer.from("PROXY TCP4 "),
      overIpv4.subarray(0, 15),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 80 }), (start, rest) => {
        const bytes = Buffer.concat([start, rest]);
        const parsed = parseProxyHeader(bytes);
        if (parsed.state === "complete") expect(parsed.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
