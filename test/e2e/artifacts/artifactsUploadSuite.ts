/** Uploads to the embedded store by any HTTP client: what the URL permits, and what it does not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  type Content,
  complete,
  downloadUrl,
  type Holder,
  holder,
  ordered,
  randomContent,
  sha256Of,
  stored,
} from "../../support/fixtures/artifacts.ts";
import type { Flavour } from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";

interface Put {
  status: number;
  offset: string | null;
  code?: string;
}

async function put(
  url: string,
  body: Uint8Array<ArrayBuffer> | ReadableStream,
  range?: string,
): Promise<Put> {
  const headers: Record<string, string> = range === undefined ? {} : { "Content-Range": range };
  const answer = await fetch(url, { method: "PUT", body, headers });
  const text = await answer.text();
  const code = text === "" ? undefined : JSON.parse(text).error.code;
  const offset = answer.headers.get("upload-offset");
  return { status: answer.status, offset, ...(code === undefined ? {} : { code }) };
}

async function offset(url: string): Promise<string | null> {
  return (await fetch(url, { method: "HEAD" })).headers.get("upload-offset");
}

/** A body whose length is not announced. */
function chunked({ body }: Content): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(body);
      controller.close();
    },
  });
}

export function artifactsUploadSuite(flavour: Flavour): void {
  describe(`uploads (${flavour})`, () => {
    let target: Target;
    let agent: Holder;
    beforeAll(async () => {
      target = await Target.start(flavour);
      agent = await holder(target);
    });
    afterAll(() => target[Symbol.asyncDispose]());

    test("go on behind what has arrived, and nowhere else", async () => {
      const content = randomContent(100_000);
      const { id, url } = await ordered(target, agent, content);
      const part = (start: number, end: number) =>
        put(url, content.body.slice(start, end), `bytes ${start}-${end - 1}/100000`);
      expect(await offset(url)).toBe("0");
      expect(await part(0, 40_000)).toEqual({ status: 200, offset: "40000" });
      expect(await offset(url)).toBe("40000");
      const behind = { status: 409, offset: "40000", code: "CONFLICT" };
      expect(await part(0, 40_000)).toEqual(behind);
      expect(await part(50_000, 60_000)).toEqual(behind);
      const early = await complete(target, agent, id);
      expect([early.status, early.body.error?.code]).toEqual([409, "CONFLICT"]);
      expect(early.body.error?.message).toContain("40000 of 100000");
      expect(await part(40_000, 100_000)).toEqual({ status: 200, offset: "100000" });
      expect((await complete(target, agent, id)).status).toBe(200);
      expect(await part(0, 40_000)).toEqual({ status: 200, offset: "100000" });
      const got = await fetch(await downloadUrl(target, id));
      expect(sha256Of(await got.bytes())).toBe(content.sha256);
    });

    test("begin anew without Content-Range", async () => {
      const content = randomContent(50_000);
      const { id, url } = await ordered(target, agent, content);
      await put(url, randomContent(20_000).body, "bytes 0-19999/50000");
      expect((await put(url, content.body)).status).toBe(200);
      expect((await complete(target, agent, id)).status).toBe(200);
    });

    test("with a Content-Range that does not fit are refused", async () => {
      const { url } = await ordered(target, agent, randomContent(100));
      const body = new Uint8Array(10);
      for (const range of [
        "bytes 0-9/99",
        "bytes 95-104/100",
        "bytes 9-0/100",
        "0-9",
        "bytes 0-9/*",
      ]) {
        expect(await put(url, body, range)).toMatchObject({ status: 400, code: "MALFORMED" });
      }
      expect(await put(url, body, "bytes 0-4/100")).toMatchObject({ status: 413 });
      expect(await put(url, body, "bytes 0-19/100")).toMatchObject({ status: 400 });
      expect(await offset(url)).toBe("0");
    });

    test("too long or too short are refused, also when their length is not announced", async () => {
      const content = randomContent(1_000);
      const { id, url } = await ordered(target, agent, content);
      const tooLong = randomContent(1_001);
      const tooShort = randomContent(999);
      expect(await put(url, tooLong.body)).toMatchObject({ status: 413, code: "TOO_LARGE" });
      expect(await put(url, chunked(tooLong))).toMatchObject({ status: 413, code: "TOO_LARGE" });
      expect(await put(url, tooShort.body)).toMatchObject({ status: 400, code: "MALFORMED" });
      expect(await put(url, chunked(tooShort))).toMatchObject({ status: 409, code: "CONFLICT" });
      expect((await complete(target, agent, id)).status).toBe(409);
      expect(await put(url, chunked(content))).toMatchObject({ status: 200 });
      expect((await complete(target, agent, id)).status).toBe(200);
    });

    test("of something else are refused by name, and can be repeated whole", async () => {
      const content = randomContent(10_000);
      const { id, url } = await ordered(target, agent, content);
      await put(url, randomContent(10_000).body);
      const refused = await complete(target, agent, id);
      expect([refused.status, refused.body.error?.code]).toEqual([422, "CHECKSUM_MISMATCH"]);
      expect(await offset(url)).toBe("0");
      await put(url, content.body);
      expect((await complete(target, agent, id)).status).toBe(200);
    });

    test("keep what had arrived when the connection breaks", async () => {
      const content = randomContent(200_000);
      const { id, url } = await ordered(target, agent, content);
      const { pathname, search } = new URL(url);
      const socket = connect(target.port, "127.0.0.1");
      socket.write(
        `PUT ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n`,
      );
      socket.write(content.body.slice(0, 70_000));
      const file = join(target.serving.dataDir, "artifacts", "uploads", id);
      const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      while (size() < 70_000) await fetch(url, { method: "HEAD" });
      socket.destroy();
      expect(await offset(url)).toBe("70000");
      const rest = await put(url, content.body.slice(70_000), "bytes 70000-199999/200000");
      expect(rest.status).toBe(200);
      expect((await complete(target, agent, id)).status).toBe(200);
    });

    test("by a URL that was forged, has expired or is for something else are refused", async () => {
      const content = randomContent(100);
      const { id, url } = await ordered(target, agent, content);
      const other = await ordered(target, agent, randomContent(100));
      const ready = await downloadUrl(target, await stored(target, agent, randomContent(100), "r"));
      const changed = (name: string, value: (now: string) => string) => {
        const copy = new URL(url);
        copy.searchParams.set(name, value(copy.searchParams.get(name) ?? ""));
        return copy.href;
      };
      const wrong: string[] = [
        changed("signature", (now) => now.replace(/^./, now.startsWith("A") ? "B" : "A")),
        changed("signature", (now) => now.slice(0, -3)),
        changed("signature", () => ""),
        changed("signature", () => "é".repeat(22)),
        changed("expires", (now) => String(Number(now) + 1)),
        changed("expires", () => "never"),
        changed("by", (now) => now.replace(/^./, now.startsWith("a") ? "b" : "a")),
        url.replace(id, other.id),
        url.replace(id, "no-such-artifact"),
        url.slice(0, url.indexOf("?")),
        ready,
      ];
      for (const each of wrong) {
        const answer = { url: each, ...(await put(each, content.body)) };
        expect(answer).toMatchObject({ url: each, status: 403, code: "FORBIDDEN" });
      }
      expect((await fetch(url)).status).toBe(403);
      expect((await fetch(url, { method: "DELETE" })).status).toBe(404);
      expect((await fetch(url, { method: "POST", body: content.body })).status).toBe(404);
      expect(await offset(url)).toBe("0");

      // With the key one can sign: what was wrong above was wrong for the right reason.
      const key = readFileSync(join(target.serving.dataDir, "artifacts", "url.key"));
      const signed = (expires: number) => {
        const by = new URL(url, "http://x").searchParams.get("by") ?? "";
        const text = ["PUT", id, 100, expires, by].join("\n");
        const signature = createHmac("sha256", key).update(text).digest("base64url");
        const query = new URLSearchParams({ expires: `${expires}`, by, signature });
        return `${url.slice(0, url.indexOf("?"))}?${query}`;
      };
      const now = Math.floor(Date.now() / 1000);
      expect(await put(signed(now - 5), content.body)).toMatchObject({ status: 403 });
      expect(await put(signed(now + 60), content.body)).toMatchObject({ status: 200 });
    });

    test("end with the token that ordered them", async () => {
      const by = await holder(target);
      const content = randomContent(100);
      const { url } = await ordered(target, by, content);
      await target.api(`/api/v1/tokens/${by.tokenId}`, { method: "DELETE" });
      expect(await put(url, content.body)).toMatchObject({ status: 403 });
    });

    test("of secrets: the key and the files are their owner's alone", async () => {
      const { id, url } = await ordered(target, agent, randomContent(100));
      await put(url, new Uint8Array(50), "bytes 0-49/100");
      const dir = join(target.serving.dataDir, "artifacts");
      const mode = (path: string) => statSync(join(dir, path)).mode & 0o777;
      expect([mode("."), mode("url.key"), mode(`uploads/${id}`)]).toEqual([0o700, 0o600, 0o600]);
    });
  });
}
