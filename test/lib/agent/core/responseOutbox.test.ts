import { expect, test } from "bun:test";
import { newEntry } from "../../../../lib/agent/core/requestEntry.ts";
import { ResponseOutbox } from "../../../../lib/agent/core/responseOutbox.ts";
import { AgentTransition } from "../../../../lib/agent/core/transition.ts";
import { DeadlineQueue } from "../../../../lib/time/deadlineQueue.ts";

/** An outbox with a peer of the standard alone. */
function atStandardPeer() {
  const entries = new Map<string, ReturnType<typeof newEntry>>();
  const outbox = new ResponseOutbox(entries, new DeadlineQueue<string>());
  outbox.linked({ link: 1, isExtended: false }, new AgentTransition(0));
  const respond = (count: number) => {
    const t = new AgentTransition(1);
    for (let index = 0; index < count; index++) {
      const request_id = `r${entries.size}`;
      const timestamp = "2026-01-01T00:00:00.000Z";
      const payload = { command: "ping" };
      const entry = newEntry({ type: "command", request_id, timestamp, payload }, undefined, t);
      entry.record.state = "ended";
      entry.record.answer = { type: "response", status: "success" };
      entries.set(request_id, entry);
      outbox.respondDurably(entry, t);
    }
    for (const { type } of t.effects) if (type === "ping") outbox.pingSent();
    return t.effects.filter(({ type }) => type === "ping").length;
  };
  const pong = () => outbox.pongReceived(new AgentTransition(2));
  return { entries, outbox, respond, pong };
}

test("behind many responses a ping goes out, and its pong acknowledges them", () => {
  const { entries, respond, pong } = atStandardPeer();
  expect(respond(100)).toBe(0);
  expect(respond(30)).toBe(1);
  expect(entries.size).toBe(130);
  pong();
  // The ping was the 101st response's.
  expect(entries.size).toBe(29);
});

test("the pong of an earlier ping acknowledges nothing", () => {
  const { entries, outbox, respond, pong } = atStandardPeer();
  outbox.pingSent();
  respond(101);
  pong();
  expect(entries.size).toBe(101);
  pong();
  expect(entries.size).toBe(0);
});

test("a pong without a ping, and one after a new connection, acknowledge nothing", () => {
  const { entries, outbox, respond, pong } = atStandardPeer();
  pong();
  respond(101);
  outbox.unlinked();
  pong();
  expect(entries.size).toBe(101);
});

test("a response that is not stored is not acknowledged", () => {
  const { entries, outbox, respond, pong } = atStandardPeer();
  respond(101);
  const unsaved = entries.get("r5");
  if (unsaved !== undefined) outbox.commitFailed(unsaved, new AgentTransition(1));
  pong();
  expect([...entries.keys()]).toEqual(["r5"]);
});
