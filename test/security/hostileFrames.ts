/** Frames that the WebSocket protocol forbids, and frames beyond the limits. */
import { expect, test } from "bun:test";
import { opcodes } from "../../lib/conformance/frames.ts";
import { messageBytesMax } from "../../lib/protocol/limits.ts";
import { subprotocol } from "../../lib/protocol/wire/version.ts";
import type { FrameToSend } from "../support/clients/rawSocket.ts";
import { standardText } from "../support/fixtures/standard.ts";
import type { Flavour } from "../support/processes/processes.ts";
import { hostileSuite } from "./hostileSuite.ts";

const ping: FrameToSend = { opcode: opcodes.ping, payload: "x".repeat(125) };
const heartbeat = standardText("heartbeat", {});

const forbidden: readonly { name: string; frames: FrameToSend[]; codes?: number[] }[] = [
  { name: "an unmasked frame", frames: [{ payload: heartbeat, masked: false }] },
  { name: "RSV1", frames: [{ payload: heartbeat, rsv: 4 }] },
  { name: "RSV2", frames: [{ payload: heartbeat, rsv: 2 }] },
  { name: "RSV3", frames: [{ payload: heartbeat, rsv: 1 }] },
  { name: "the opcode 3", frames: [{ opcode: 3, payload: heartbeat }] },
  { name: "the opcode 11", frames: [{ opcode: 11 }] },
  { name: "a ping in fragments", frames: [{ opcode: opcodes.ping, fin: false }] },
  { name: "a ping of 126 bytes", frames: [{ opcode: opcodes.ping, payload: "x".repeat(126) }] },
  { name: "a continuation of nothing", frames: [{ opcode: opcodes.continuation, payload: "x" }] },
  {
    name: "a message inside another",
    frames: [{ payload: '{"type":', fin: false }, { payload: heartbeat }],
  },
  { name: "UTF-8 that is none", frames: [{ payload: Buffer.from([0xff, 0xfe]) }], codes: [1007] },
  {
    name: "an encoded surrogate",
    frames: [{ payload: Buffer.from([0xed, 0xa0, 0x80]) }],
    codes: [1007],
  },
  {
    name: "a character in too many bytes",
    frames: [{ payload: Buffer.from([0xc0, 0xaf]) }],
    codes: [1007],
  },
  { name: "a close of one byte", frames: [{ opcode: opcodes.close, payload: "x" }] },
  {
    name: "a close with the code 999",
    frames: [{ opcode: opcodes.close, payload: Buffer.from([0x03, 0xe7]) }],
  },
  {
    name: "a length of 2^63-1",
    frames: [{ payload: "0123456789", declaredLength: 2n ** 63n - 1n }],
    codes: [1009],
  },
  {
    name: "a length of 2^64-1",
    frames: [{ payload: "0123456789", declaredLength: 2n ** 64n - 1n }],
    codes: [1009],
  },
];

/** A heartbeat of exactly so many bytes. */
function heartbeatOf(bytes: number): string {
  const empty = standardText("heartbeat", { filler: "" });
  return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
}

export function hostileFramesSuite(flavour: Flavour): void {
  hostileSuite("hostile frames", flavour, (target) => {
    for (const { name, frames, codes = [] } of forbidden) {
      test(`${name} ends the connection`, async () => {
        await using agent = await target().agent();
        for (const frame of frames) agent.socket.frame(frame);
        const { code } = await agent.socket.closed;
        // A broken peer is cut off, with the code that says why or with none.
        expect([1002, undefined, ...codes]).toContain(code as number);
        expect(agent.socket.frames.all).toEqual([]);
      });
    }

    test(`a message of ${messageBytesMax} bytes is read`, async () => {
      await using agent = await target().agent();
      const text = heartbeatOf(messageBytesMax);
      expect(Buffer.byteLength(text)).toBe(messageBytesMax);
      agent.socket.text(text);
      agent.socket.text(text.replace('"heartbeat"', '"unheard!!"'));
      expect((await agent.error()).payload.code).toBe("UNSUPPORTED_TYPE");
      expect(await agent.isAlive()).toBe(true);
    });

    test(`a message of ${messageBytesMax + 1} bytes ends the connection with 1009`, async () => {
      await using agent = await target().agent();
      agent.socket.text(heartbeatOf(messageBytesMax + 1));
      expect((await agent.socket.closed).code).toBe(1009);
    });

    test("fragments count together", async () => {
      await using agent = await target().agent();
      const text = heartbeatOf(messageBytesMax + 1);
      agent.socket.frame({ payload: text.slice(0, 40_000), fin: false });
      agent.socket.frame({ opcode: opcodes.continuation, payload: text.slice(40_000) });
      expect((await agent.socket.closed).code).toBe(1009);
    });

    test("many small fragments are one message, a ping in between is answered", async () => {
      await using agent = await target().agent();
      const text = standardText("dance", {}, "fragments");
      [...text].forEach((payload, index) => {
        const opcode = index === 0 ? opcodes.text : opcodes.continuation;
        agent.socket.frame({ opcode, payload, fin: index === text.length - 1 });
        if (index === 5) agent.socket.frame({ opcode: opcodes.ping, payload: "still there?" });
      });
      const error = await agent.error();
      expect(error).toMatchObject({
        request_id: "fragments",
        payload: { code: "UNSUPPORTED_TYPE" },
      });
      const pong = agent.socket.frames.all.find(({ opcode }) => opcode === opcodes.pong);
      expect(pong?.payload.toString()).toBe("still there?");
    });

    test("a binary frame ends the connection with 1003, also with a message", async () => {
      await using agent = await target().agent();
      agent.socket.frame({ opcode: opcodes.binary, payload: heartbeat });
      expect((await agent.socket.closed).code).toBe(1003);
    });

    test.each([
      ["of another kind", Buffer.from([9, 9, 9])],
      ["that ends within its header", Buffer.from([1, 0, 0])],
      ["whose ID ends behind it", Buffer.concat([Buffer.from([1, 0, 255, 255]), Buffer.alloc(40)])],
    ])(
      "a binary frame %s of a wsctl.v1 peer is answered, and ends the connection",
      async (_, payload) => {
        const { token } = await target().newAgent();
        await using socket = await target().connect(token, [
          `Sec-WebSocket-Protocol: ${subprotocol}`,
        ]);
        socket.frame({ opcode: opcodes.binary, payload });
        const answer = await socket.frames.first("error", ({ opcode, payload }) =>
          opcode === opcodes.text ? JSON.parse(`${payload}`) : undefined,
        );
        expect(answer).toMatchObject({ type: "error", payload: { code: "MALFORMED" } });
        expect(answer.payload.message).toMatch(/^binary (kind|frame|request_id) must /);
        expect((await socket.closed).code).toBe(1003);
      },
    );

    test("permessage-deflate is not negotiated", async () => {
      const { token } = await target().newAgent();
      const offer = ["Sec-WebSocket-Extensions: permessage-deflate"];
      await using socket = await target().connect(token, offer);
      expect(socket.status).toBe(101);
      socket.frame({ payload: Buffer.from([0x2a, 0x01, 0x00]), rsv: 4 });
      expect([1002, undefined]).toContain((await socket.closed).code as number);
    });

    // One after the other: many at once may cost the connection under Deno's node:http, see below.
    test("every ping is answered", async () => {
      await using agent = await target().agent();
      for (let count = 0; count < 500; count++) {
        agent.socket.frame(ping);
        await agent.socket.frames.first("last pong", (frame) => frame, count);
      }
      expect(agent.socket.frames.all.every(({ opcode }) => opcode === opcodes.pong)).toBe(true);
    });

    test("2,000 pings at once are answered, or cost the one connection", async () => {
      await using agent = await target().agent();
      for (let count = 0; count < 2_000; count++) agent.socket.frame(ping);
      const last = agent.socket.frames.first("last pong", () => "answered", 1_999);
      const end = await last.catch((error: Error) => error.message);
      expect(end).toMatch(/^answered$|closed with/);
      expect(await target().pings()).toBe("success");
    });
  });
}
