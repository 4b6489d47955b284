/** Artifacts in the embedded store, from their creation to their deletion, on one runtime. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  complete,
  downloadUrl,
  type Holder,
  holder,
  order,
  ordered,
  randomContent,
  sha256Of,
  stored,
} from "../../support/fixtures/artifacts.ts";
import type { Flavour } from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";

const wrongNames = [
  "",
  ".",
  "..",
  "../x",
  "a/b",
  "a\\b",
  "/etc/passwd",
  "a\nb",
  "a\0b",
  "x".repeat(201),
];

export function artifactsSuite(flavour: Flavour): void {
  describe(`artifacts (${flavour})`, () => {
    let target: Target;
    let agent: Holder;
    beforeAll(async () => {
      target = await Target.start(flavour);
      agent = await holder(target);
    });
    afterAll(() => target[Symbol.asyncDispose]());
    const view = (id: string) => target.api(`/api/v1/artifacts/${id}`);

    test("go from an agent to an operator, and are gone when they are deleted", async () => {
      const content = randomContent(300_000);
      const { id, url } = await ordered(target, agent, content, "dump öß.tar");
      expect((await view(id)).body).toMatchObject({ state: "uploading" });
      expect((await view(id)).body.download).toBeUndefined();
      const put = await fetch(url, { method: "PUT", body: content.body });
      expect([put.status, put.headers.get("upload-offset")]).toEqual([200, "300000"]);
      expect((await complete(target, agent, id)).body).toMatchObject({ state: "ready" });
      expect((await complete(target, agent, id)).body).toMatchObject({ state: "ready" });

      const got = await fetch(await downloadUrl(target, id));
      expect(sha256Of(await got.bytes())).toBe(content.sha256);
      expect(got.headers.get("content-length")).toBe("300000");
      expect(got.headers.get("etag")).toBe(`"${content.sha256}"`);
      expect(got.headers.get("content-disposition")).toContain("dump%20%C3%B6%C3%9F.tar");
      const listed = await target.api("/api/v1/artifacts?limit=1");
      expect(listed.body.items).toMatchObject([
        { artifact_id: id, name: "dump öß.tar", bytes: 300_000, agent_id: agent.agentId },
      ]);

      const gone = await downloadUrl(target, id);
      // The beginning of an id is enough where no other artifact has it.
      const short = id.slice(0, 8);
      expect((await view(short)).body).toMatchObject({ artifact_id: id });
      expect((await view(short.slice(0, 3))).status).toBe(404);
      const deleted = await target.api(`/api/v1/artifacts/${short}`, { method: "DELETE" });
      expect(deleted).toMatchObject({ status: 200, body: { artifact_id: id } });
      expect((await view(id)).status).toBe(404);
      expect((await fetch(gone)).status).toBe(403);
    });

    test("of no bytes are artifacts too", async () => {
      const content = randomContent(0);
      const { id, url } = await ordered(target, agent, content);
      expect((await fetch(url, { method: "PUT", body: "" })).status).toBe(200);
      expect((await complete(target, agent, id)).status).toBe(200);
      const got = await fetch(await downloadUrl(target, id));
      expect([got.status, (await got.bytes()).length]).toEqual([200, 0]);
    });

    test("are created once for equal requests, and need no second upload of known content", async () => {
      const content = randomContent(1_000);
      const first = await ordered(target, agent, content);
      const again = await ordered(target, agent, content);
      expect(again.id).toBe(first.id);
      await fetch(again.url, { method: "PUT", body: content.body });
      await complete(target, agent, first.id);
      const { bytes, sha256 } = content;
      const known = await order(target, agent, { name: "result.bin", bytes, sha256 });
      expect(known.body).toMatchObject({ artifact_id: first.id, state: "ready" });
      expect(known.body.upload).toBeUndefined();
      const other = await order(target, agent, { name: "other.bin", bytes, sha256 });
      expect(other.body).toMatchObject({ state: "ready" });
      expect(other.body.artifact_id).not.toBe(first.id);
      // Content that two refer to stays when one of them goes.
      await target.api(`/api/v1/artifacts/${first.id}`, { method: "DELETE" });
      const got = await fetch(await downloadUrl(target, String(other.body.artifact_id)));
      expect(sha256Of(await got.bytes())).toBe(sha256);
    });

    test("belong to an open request of the very agent that uploads", async () => {
      const stranger = await holder(target);
      const { bytes, sha256 } = randomContent(10);
      const wanted = { name: "x", bytes, sha256 };
      const refused = async (more: object, by = agent) => {
        const answer = await order(target, by, { ...wanted, ...more });
        return [answer.status, answer.body.error?.code];
      };
      expect(await refused({ request_id: stranger.requestId })).toEqual([403, "FORBIDDEN"]);
      expect(await refused({ request_id: "nobody-asked" })).toEqual([403, "FORBIDDEN"]);
      expect(await refused({ request_id: undefined })).toEqual([400, "MALFORMED"]);
      expect(await refused({ kind: "release" })).toEqual([403, "FORBIDDEN"]);
      const { id } = await ordered(target, agent, randomContent(10));
      expect((await complete(target, stranger, id)).status).toBe(403);
      const { authorization } = stranger;
      expect((await target.api(`/api/v1/artifacts/${id}`, { authorization })).status).toBe(403);
      expect((await target.api("/api/v1/artifacts", { authorization })).status).toBe(403);
    });

    test("of a request that has ended cannot be ordered any more", async () => {
      await using raw = await target.agent();
      const { jobId, requestIds } = await target.send("work", [raw.id]);
      await raw.command(requestIds[0] ?? "");
      raw.respond(requestIds[0] ?? "");
      await target.ended(jobId);
      const by: Holder = {
        agentId: raw.id,
        tokenId: raw.tokenId,
        authorization: `Bearer ${raw.token}`,
        requestId: requestIds[0] ?? "",
      };
      const { bytes, sha256 } = randomContent(10);
      expect((await order(target, by, { name: "x", bytes, sha256 })).status).toBe(403);
    });

    test("that are releases come from an administrator, and agents may fetch them", async () => {
      const content = randomContent(5_000);
      const { bytes, sha256 } = content;
      const post = (body: object) =>
        target.api("/api/v1/artifacts", { method: "POST", body: JSON.stringify(body) });
      expect((await post({ name: "x", bytes, sha256, kind: "result" })).status).toBe(403);
      const made = await post({ name: "wsctl", bytes, sha256, kind: "release" });
      const id = String(made.body.artifact_id);
      const { authorization } = agent;
      expect((await target.api(`/api/v1/artifacts/${id}`, { authorization })).status).toBe(403);
      const { url } = made.body.upload as { url: string };
      await fetch(new URL(url, target.serving.url), { method: "PUT", body: content.body });
      await target.api(`/api/v1/artifacts/${id}/complete`, { method: "POST" });
      const shown = await target.api(`/api/v1/artifacts/${id}`, { authorization });
      expect(shown.body).toMatchObject({ kind: "release", state: "ready" });
      expect(shown.body.expires_at).toBeUndefined();
      const deleted = { method: "DELETE", authorization };
      expect((await target.api(`/api/v1/artifacts/${id}`, deleted)).status).toBe(403);
    });

    for (const name of wrongNames) {
      test(`are not called ${JSON.stringify(name).slice(0, 20)}`, async () => {
        const { bytes, sha256 } = randomContent(10);
        const answer = await order(target, agent, { name, bytes, sha256 });
        expect([answer.status, answer.body.error?.code]).toEqual([400, "MALFORMED"]);
        expect(answer.body.error?.message).toContain("name ");
      });
    }

    test("are delivered in part to who asks for a range", async () => {
      const content = randomContent(1_000);
      const url = await downloadUrl(target, await stored(target, agent, content, "ranges"));
      const get = async (range: string, more: Record<string, string> = {}) => {
        const answer = await fetch(url, { headers: { Range: range, ...more } });
        const body = await answer.bytes();
        return [answer.status, answer.headers.get("content-range"), Buffer.from(body)];
      };
      const part = (start: number, end: number) => Buffer.from(content.body.slice(start, end));
      expect(await get("bytes=0-0")).toEqual([206, "bytes 0-0/1000", part(0, 1)]);
      expect(await get("bytes=990-")).toEqual([206, "bytes 990-999/1000", part(990, 1_000)]);
      expect(await get("bytes=-5")).toEqual([206, "bytes 995-999/1000", part(995, 1_000)]);
      expect(await get("bytes=10-5000")).toEqual([206, "bytes 10-999/1000", part(10, 1_000)]);
      expect((await get("bytes=1000-")).slice(0, 2)).toEqual([416, "bytes */1000"]);
      expect((await get("bytes=-0")).slice(0, 2)).toEqual([416, "bytes */1000"]);
      const whole = [200, null, part(0, 1_000)];
      expect(await get("bytes=5-2")).toEqual(whole);
      expect(await get("bytes=0-1,5-6")).toEqual(whole);
      expect(await get("lines=1-2")).toEqual(whole);
      expect(await get("bytes=0-0", { "If-Range": '"other"' })).toEqual(whole);
      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "1000"]);
    });
  });
}
