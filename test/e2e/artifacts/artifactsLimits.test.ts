/** Limits of artifacts: how large, how many bytes in all, how long. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../../lib/client/client.ts";
import {
  adminAccess,
  complete,
  downloadUrl,
  holder,
  order,
  ordered,
  randomContent,
  stored,
} from "../../support/fixtures/artifacts.ts";
import { startServe, temporaryDir } from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";

setDefaultTimeout(60_000);

describe("artifacts", () => {
  test("are refused beyond the size of one and the quota of all", async () => {
    await using target = await Target.start("binary", [
      ...["--artifact-max", "10KB", "--artifact-quota", "25KB"],
    ]);
    const agent = await holder(target);
    const ask = async (bytes: number, name: string) => {
      const { sha256 } = randomContent(bytes);
      const { status, body } = await order(target, agent, { name, bytes, sha256 });
      return { status, code: body.error?.code, message: body.error?.message ?? "" };
    };
    const large = await ask(10_001, "large");
    expect(large).toMatchObject({ status: 413, code: "TOO_LARGE" });
    expect(large.message).toContain("--artifact-max");
    const first = await stored(target, agent, randomContent(10_000), "first");
    expect((await ask(10_000, "second")).status).toBe(201);
    const full = await ask(10_000, "third");
    expect(full).toMatchObject({ status: 507, code: "STORAGE_UNAVAILABLE" });
    expect(full.message).toContain("5000 bytes are free");
    // What was deleted makes room.
    await target.api(`/api/v1/artifacts/${first}`, { method: "DELETE" });
    expect((await ask(10_000, "third")).status).toBe(201);
  });

  test("count once where they share their content", async () => {
    await using target = await Target.start("binary", ["--artifact-quota", "15KB"]);
    const content = randomContent(10_000);
    for (const name of ["a", "b", "c"]) {
      const agent = await holder(target);
      const { bytes, sha256 } = content;
      const { status, body } = await order(target, agent, { name, bytes, sha256 });
      expect(status).toBe(201);
      if (body.state === "ready") continue;
      const { url } = body.upload as { url: string };
      const to = new URL(url, target.serving.url);
      await fetch(to, { method: "PUT", body: content.body });
      await complete(target, agent, String(body.artifact_id));
    }
  });

  test("of one request are at most 64", async () => {
    await using target = await Target.start("binary");
    const agent = await holder(target);
    for (let count = 0; count < 64; count++)
      await ordered(target, agent, randomContent(1), `${count}`);
    const { bytes, sha256 } = randomContent(1);
    const { status, body } = await order(target, agent, { name: "more", bytes, sha256 });
    expect([status, body.error?.code]).toEqual([413, "TOO_LARGE"]);
  });

  test("expire, and are swept with what was left behind, at the latest at the next start", async () => {
    using dataDir = temporaryDir();
    const lasting = randomContent(3_000);
    const dir = join(dataDir, "artifacts");
    const files = () =>
      ["objects", "uploads"].flatMap((folder) =>
        readdirSync(join(dir, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => entry.name),
      );
    {
      await using target = await Target.start("binary", ["--artifact-ttl", "1s"], dataDir);
      const agent = await holder(target);
      const id = await stored(target, agent, randomContent(2_000), "short-lived");
      const url = await downloadUrl(target, id);
      const { url: abandoned } = await ordered(target, agent, randomContent(2_000), "abandoned");
      await fetch(abandoned, {
        method: "PUT",
        body: new Uint8Array(500),
        headers: { "Content-Range": "bytes 0-499/2000" },
      });
      const { bytes, sha256 } = lasting;
      const release = { name: "lasting", bytes, sha256, kind: "release" };
      const made = await target.api("/api/v1/artifacts", {
        method: "POST",
        body: JSON.stringify(release),
      });
      const { url: to } = made.body.upload as { url: string };
      await fetch(new URL(to, target.serving.url), { method: "PUT", body: lasting.body });
      const done = `/api/v1/artifacts/${made.body.artifact_id}/complete`;
      await target.api(done, { method: "POST" });
      while ((await target.api(`/api/v1/artifacts/${id}`)).status !== 404) await fetch(url);
      expect((await fetch(url)).status).not.toBe(200);
      expect(files()).toHaveLength(3);
    }
    writeFileSync(join(dir, "uploads", "left-behind"), "by a crash");
    await using again = await startServe({ dataDir });
    await again.process.logged(/expired artifacts deleted/);
    while (files().length > 1) await fetch(`${again.url}/healthz`);
    expect(files()).toEqual([lasting.sha256]);
    expect(existsSync(join(dir, "uploads", "left-behind"))).toBe(false);
    const listed = await new Client(adminAccess(again)).artifacts();
    expect(listed.items).toMatchObject([{ name: "lasting", state: "ready" }]);
  });
});
