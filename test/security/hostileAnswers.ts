/** Answers that were not asked for, connections that were taken over, agents gone silent. */
import { expect, test } from "bun:test";
import type { Flavour } from "../support/processes/processes.ts";
import { RawAgent, type Target } from "../support/processes/target.ts";
import { hostileSuite } from "./hostileSuite.ts";

export function hostileAnswersSuite(flavour: Flavour): void {
  const define = (target: () => Target) => {
    test("a response that nobody asked for is answered with UNKNOWN_REQUEST", async () => {
      await using agent = await target().agent();
      agent.respond("no-such-request");
      expect(await agent.error()).toMatchObject({
        request_id: "no-such-request",
        payload: { code: "UNKNOWN_REQUEST" },
      });
      expect(await agent.isAlive()).toBe(true);
    });

    test("answering another's request is refused and changes nothing", async () => {
      await using rogue = await target().agent();
      await using agent = await target().agent();
      const { jobId, requestIds } = await target().send("ping", [agent.id]);
      const id = requestIds[0] ?? "";
      await agent.command(id);
      rogue.respond(id, { status: "failed", message: "forged" });
      expect(await rogue.error()).toMatchObject({
        request_id: id,
        payload: { code: "FORBIDDEN" },
      });
      rogue.say("error", { code: "TIMEOUT", message: "forged" }, id);
      expect(await rogue.isAlive()).toBe(true);
      expect((await target().requests(jobId))[0]?.state).toBe("sent");
      agent.respond(id, { status: "success", message: "true" });
      expect((await target().ended(jobId))[0]).toMatchObject({ state: "success", message: "true" });
      const from = rogue.socket.mark;
      rogue.respond(id, { status: "failed", message: "forged again" });
      expect((await rogue.error(from)).payload.code).toBe("FORBIDDEN");
      expect((await target().requests(jobId))[0]?.message).toBe("true");
    });

    test("the first outcome stands, whatever is said after it", async () => {
      await using agent = await target().agent();
      const { jobId, requestIds } = await target().send("ping", [agent.id]);
      const id = requestIds[0] ?? "";
      await agent.command(id);
      agent.respond(id, { status: "failed", message: "first" });
      agent.respond(id, { status: "success", message: "second" });
      agent.say("error", { code: "TIMEOUT", message: "third" }, id);
      expect(await agent.isAlive()).toBe(true);
      const [request] = await target().ended(jobId);
      expect(request).toMatchObject({ state: "failed", message: "first" });
    });

    test("a message with NUL is recorded and shown as it was sent", async () => {
      await using agent = await target().agent();
      const { jobId, requestIds } = await target().send("ping", [agent.id]);
      const id = requestIds[0] ?? "";
      await agent.command(id);
      const message = "first\0second\uFDD0third\0";
      agent.respond(id, { status: "success", message });
      expect((await target().ended(jobId))[0]).toMatchObject({ state: "success", message });
    });

    test("a request that waits for its agent cannot be answered by another", async () => {
      const away = await target().newAgent();
      await using rogue = await target().agent();
      const { jobId, requestIds } = await target().send("ping", [away.agent_id]);
      rogue.respond(requestIds[0] ?? "");
      expect((await rogue.error()).payload.code).toBe("FORBIDDEN");
      expect((await target().requests(jobId))[0]?.state).toBe("queued");
    });

    test("connecting again takes over: the old connection is closed with 4409", async () => {
      await using old = await target().agent();
      const socket = await target().connect(old.token);
      const { id, token, tokenId } = old;
      await using fresh = new RawAgent({ id, token, tokenId, socket });
      expect((await old.socket.closed).code).toBe(4409);
      expect((await target().view(id)).online).toBe(true);
      expect(await target().pings(fresh)).toBe("success");
      expect(old.socket.frames.all).toEqual([]);
    });

    test("a revoked token's connection is closed at once, and none is opened", async () => {
      await using agent = await target().agent();
      const path = `/api/v1/tokens/${agent.tokenId}`;
      expect((await target().api(path, { method: "DELETE" })).status).toBe(200);
      expect((await agent.socket.closed).code).toBe(4401);
      expect((await target().view(agent.id)).online).toBe(false);
      await using again = await target().connect(agent.token);
      expect((await again.closed).code).toBe(4401);
      const authorization = `Bearer ${agent.token}`;
      expect((await target().api("/api/v1/agents", { authorization })).status).toBe(401);
    });

    test("a revoked operator's token is refused by the API at once", async () => {
      const body = '{"role":"operator"}';
      const made = (await target().api("/api/v1/tokens", { method: "POST", body })).body;
      const authorization = `Bearer ${made.token}`;
      expect((await target().api("/api/v1/agents", { authorization })).status).toBe(200);
      await target().api(`/api/v1/tokens/${made.token_id}`, { method: "DELETE" });
      const refused = await target().api("/api/v1/agents", { authorization });
      expect(refused.body.error?.code).toBe("UNAUTHORIZED");
      expect(refused.status).toBe(401);
    });
  };
  hostileSuite("hostile answers", flavour, define);

  hostileSuite(
    "an agent gone silent",
    flavour,
    (target) => {
      test("a silent agent is closed with 4408 and shown as offline within seconds", async () => {
        const startedAt = performance.now();
        await using agent = await target().agent();
        expect((await agent.socket.closed).code).toBe(4408);
        expect(performance.now() - startedAt).toBeLessThan(10_000);
        expect((await target().view(agent.id)).online).toBe(false);
      });

      test("a peer that asked for wsctl.v1 and never says hello is closed too", async () => {
        const { token } = await target().newAgent();
        const protocol = ["Sec-WebSocket-Protocol: wsctl.v1"];
        await using socket = await target().connect(token, protocol);
        expect((await socket.closed).code).toBe(4408);
      });
    },
    ["--heartbeat", "1s"],
  );
}
