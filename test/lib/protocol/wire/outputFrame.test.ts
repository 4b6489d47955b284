import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { outputChunkBytesMax } from "../../../../lib/protocol/limits.ts";
import { decodeFromAgent, encode } from "../../../../lib/protocol/wire/codec.ts";
import {
  decodeOutputFrame,
  encodeOutputFrame,
  type OutputChunk,
} from "../../../../lib/protocol/wire/outputFrame.ts";

/** The header byte by byte, as the page of the protocol has it, the id `r1` and two bytes. */
const whole = Buffer.concat([
  Buffer.from([1, 1, 0, 2]),
  Buffer.from("0000000000000007", "hex"),
  Buffer.from("0000000100000000", "hex"),
  Buffer.from("0000000000000003", "hex"),
  Buffer.from("r1"),
  Buffer.from([0xff, 0x00]),
]);
const chunk: OutputChunk = {
  requestId: "r1",
  subscriptionId: 7,
  sequence: 2 ** 32,
  stream: "stderr",
  skipped: 3,
  bytes: Buffer.from([0xff, 0x00]),
};
const extended = { isExtended: true };

function changed(change: (frame: Buffer) => void): Buffer {
  const copy = Buffer.from(whole);
  change(copy);
  return copy;
}

describe("the frame of a chunk of output", () => {
  test("has each field at its byte", () => {
    expect(Buffer.from(encodeOutputFrame(chunk)).toString("hex")).toBe(whole.toString("hex"));
    expect(decodeOutputFrame(whole).chunk).toEqual(chunk);
  });

  test("is what the codec makes of a chunk, and reads as one", () => {
    const { requestId: request_id, subscriptionId: subscription_id, ...rest } = chunk;
    const message = { type: "output", request_id, payload: { subscription_id, ...rest } } as const;
    const sent = encode(message, 0);
    expect(sent).toBeInstanceOf(Uint8Array);
    expect(decodeFromAgent(sent as unknown as Uint8Array, extended).message).toEqual(message);
  });

  test("keeps any bytes under any id", () => {
    const count = fc.maxSafeNat();
    fc.assert(
      fc.property(
        fc.record({
          requestId: fc.constantFrom("1", "01a212ae-66a8", "漢".repeat(128)),
          subscriptionId: count,
          sequence: count,
          stream: fc.constantFrom("stdout", "stderr"),
          skipped: count,
          bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
        }),
        (any) => {
          const { chunk: read } = decodeOutputFrame(encodeOutputFrame(any));
          expect({ ...read, bytes: [...(read?.bytes ?? [])] }).toEqual({
            ...any,
            bytes: [...any.bytes],
          });
        },
      ),
    );
  });

  test.each([
    ["another kind", changed((bytes) => bytes.writeUInt8(2, 0)), "kind must be 1"],
    ["nothing", Buffer.alloc(0), "kind must be 1"],
    ["a part of the header", whole.subarray(0, 27), "frame must have at least 28 bytes"],
    ["an unknown stream", changed((bytes) => bytes.writeUInt8(2, 1)), "stream must be 0 or 1"],
    [
      "an id beyond the end",
      changed((bytes) => bytes.writeUInt16BE(5, 2)),
      "request_id must end within the frame",
    ],
    ["no id", changed((bytes) => bytes.writeUInt16BE(0, 2)), "request_id must not be empty"],
    [
      "an id that is not UTF-8",
      changed((bytes) => bytes.writeUInt8(0xff, 28)),
      "request_id must be a string",
    ],
    [
      "an id with a line break",
      changed((bytes) => bytes.writeUInt8(10, 28)),
      "request_id must be printable",
    ],
    [
      "a number that a double cannot hold",
      changed((bytes) => bytes.writeUInt8(0xff, 12)),
      "numbers must be at most 2^53 - 1",
    ],
    ["an empty chunk", whole.subarray(0, 30), `chunk must have 1 to ${outputChunkBytesMax} bytes`],
    [
      "a chunk over the limit",
      Buffer.concat([whole, Buffer.alloc(outputChunkBytesMax)]),
      `chunk must have 1 to ${outputChunkBytesMax} bytes`,
    ],
  ])("with %s is refused by the name of the field", (_, bytes, flaw) => {
    expect(decodeOutputFrame(bytes).flaw).toBe(flaw);
    expect(decodeFromAgent(bytes, extended).refusal).toEqual({
      ...{ code: "MALFORMED", text: `binary ${flaw}`, requestId: "unknown" },
      ...{ answer: true, isBinary: true },
    });
  });

  test("is not read from a peer of the standard alone", () => {
    const { refusal } = decodeFromAgent(whole, { isExtended: false });
    expect(refusal).toMatchObject({ text: "binary frames are not agreed", isBinary: true });
  });

  test("is read or refused whatever its bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (any) => {
        any[0] = 1;
        const { chunk: read, flaw } = decodeOutputFrame(any);
        expect((read === undefined) !== (flaw === undefined)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});
