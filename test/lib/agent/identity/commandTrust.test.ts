import { describe, expect, test } from "bun:test";
import { CommandTrust } from "../../../../lib/agent/identity/commandTrust.ts";
import { generateKey, readPrivateKey } from "../../../../lib/protocol/keys.ts";
import type { Command } from "../../../../lib/protocol/wire/message.ts";
import { canonicalJson, signedBytes } from "../../../../lib/protocol/wire/signedCommand.ts";

const [alice, bob, carol] = [1, 2, 3].map(() => {
  const { pem, publicKey } = generateKey();
  return { ...readPrivateKey(pem), text: publicKey.text };
}) as [Signer, Signer, Signer];
type Signer = ReturnType<typeof readPrivateKey> & { text: string };

const now = Date.parse("2026-01-01T00:00:00Z");
const subject = {
  agent: "web-1",
  request_id: "r-1",
  command: "restart",
  parameters: { b: 1, a: [true, { y: null, x: "é" }] },
  not_after: "2026-01-01T01:00:00.000Z",
};

function signed(signers: readonly Signer[], changed: Partial<typeof subject> = {}): Command {
  const of = { ...subject, ...changed };
  const signatures = signers.map(({ publicKey, sign }) => {
    const signature = Buffer.from(sign(signedBytes(of))).toString("base64url");
    return { key: publicKey.id, signature };
  });
  const { command, parameters, not_after } = subject;
  const payload = { command, parameters, not_after, signatures };
  return { type: "command", request_id: subject.request_id, timestamp: "x", payload };
}

const two = `restart=2:${alice.text},${bob.text},${carol.text}`;

describe("an agent that trusts", () => {
  test("command trust: an agent without trusted keys runs unsigned commands", () => {
    expect(new CommandTrust([], "web-1").check(signed([]), now)).toEqual({ signedBy: [] });
  });

  test("command trust: a command that one trusted key signed is accepted", () => {
    const trust = new CommandTrust([alice.text, bob.text], "web-1");
    expect(trust.check(signed([bob]), now)).toEqual({ signedBy: [bob.publicKey.id] });
  });

  test("command trust: with a threshold of 2 of 3 keys, two different signatures are needed", () => {
    const trust = new CommandTrust([two], "web-1");
    expect(trust.check(signed([carol, alice]), now)).not.toHaveProperty("refusal");
    expect(trust.check(signed([carol]), now)).toHaveProperty("refusal");
    expect(trust.check(signed([carol, carol]), now)).toHaveProperty("refusal");
  });

  test("a rule of a command's own goes before the general one", () => {
    const trust = new CommandTrust([alice.text, two], "web-1");
    expect(trust.check(signed([alice]), now)).toHaveProperty("refusal");
    const ping = signed([]);
    expect(
      trust.check({ ...ping, payload: { ...ping.payload, command: "ping" } }, now),
    ).toHaveProperty("refusal");
  });

  test("keys for one command takes no other", () => {
    const trust = new CommandTrust([`update=${alice.text}`], "web-1");
    expect(trust.check(signed([alice]), now)).toEqual({
      refusal: "this agent requires signed commands, and trusts no key for this command",
    });
  });

  const trust = new CommandTrust([alice.text], "web-1");
  const whole = signed([alice]);
  const { payload } = whole;
  test.each<[string, Command]>([
    ["is not signed", { ...whole, payload: { ...payload, signatures: [] } }],
    ["is signed by a stranger", signed([bob])],
    ["was signed for another agent", signed([alice], { agent: "web-2" })],
    ["was signed as another request", { ...whole, request_id: "r-2" }],
    ["was signed as another command", { ...whole, payload: { ...payload, command: "exec" } }],
    ["has other parameters", { ...whole, payload: { ...payload, parameters: { b: 2 } } }],
    ["has no parameters", { ...whole, payload: { ...payload, parameters: {} } }],
    [
      "has a later end",
      { ...whole, payload: { ...payload, not_after: "2027-01-01T00:00:00.000Z" } },
    ],
    [
      "names the wrong key",
      {
        ...whole,
        payload: {
          ...payload,
          signatures: [{ ...payload.signatures![0]!, key: bob.publicKey.id }],
        },
      },
    ],
  ])("refuses what %s", (_what, command) => {
    expect(trust.check(command, now)).toHaveProperty("refusal");
  });

  test("refuses what is too old, by its own clock", () => {
    expect(trust.check(whole, now)).toEqual({ signedBy: [alice.publicKey.id] });
    expect(trust.check(whole, Date.parse(subject.not_after))).toEqual({
      refusal: "the signatures of the command have expired",
    });
  });

  test.each([
    ["key", /must be \[COMMAND/],
    ["update=", /must be \[COMMAND/],
    [`2:${alice.text}`, /requires 2 signatures .* names 1 keys/],
    [`update=3:${alice.text},${bob.text}`, /for "update"/],
    [`${alice.text},nokey`, /must be \[COMMAND/],
  ])("command trust: the --trust value %j is rejected", (text, says) => {
    expect(() => new CommandTrust([text], "web-1")).toThrow(says);
  });
});

test.each([
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [[3, { z: [], y: {} }], '[3,{"y":{},"z":[]}]'],
  ["é\n", '"é\\n"'],
  [{ "€": 1, "\r": 2, "1": 3 }, '{"\\r":2,"1":3,"€":1}'],
  [{ a: undefined, b: null }, '{"b":null}'],
  [1e21, "1e+21"],
  [-0, "0"],
])("%j has one canonical form", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
});
