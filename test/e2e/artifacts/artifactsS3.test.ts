/** Artifacts in a real S3-compatible store: Swift, which checks every signature. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../../lib/client/client.ts";
import type { NewArtifact, UploadView } from "../../../lib/protocol/api/artifacts.ts";
import { downloadFile } from "../../../lib/transfer/download.ts";
import { uploadFile } from "../../../lib/transfer/upload.ts";
import {
  adminAccess,
  type Content,
  complete,
  type Holder,
  holder,
  order,
  randomContent,
  sha256Of,
} from "../../support/fixtures/artifacts.ts";
import {
  type Flavour,
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";
import { hasS3Server, type S3Server, startS3Server } from "../../support/servers/s3Server.ts";

setDefaultTimeout(60_000);

/** By hand, as another client would: `fetch` sets the length of a body by itself. */
function put(upload: UploadView, body: Uint8Array<ArrayBuffer>, more: Record<string, string> = {}) {
  const { "Content-Length": _, ...headers } = upload.headers;
  return fetch(upload.url, { method: "PUT", body, headers: { ...headers, ...more } });
}

describe.skipIf(!hasS3Server())("artifacts in an S3-compatible store", () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3Server();
  });
  afterAll(() => s3?.[Symbol.asyncDispose]());
  const target = (flavour: Flavour, prefix: string, more: string[] = []) =>
    Target.start(flavour, ["--s3-url", `${s3.url}/${prefix}`, ...more], undefined, s3.credentials);

  async function ordered(of: Target, by: Holder, { bytes, sha256 }: Content, name = "result.bin") {
    const { status, body } = await order(of, by, { name, bytes, sha256 });
    expect(status).toBe(201);
    const { artifact_id: id, upload } = body as unknown as NewArtifact;
    if (upload === undefined) throw new Error("known already");
    return { id, upload };
  }

  for (const flavour of ["binary", "deno"] satisfies Flavour[]) {
    test(`go there and back, and are gone when they are deleted (${flavour})`, async () => {
      await using of = await target(flavour, `whole/${flavour}`);
      using dir = temporaryDir();
      const content = randomContent(20_000_000);
      writeFileSync(join(dir, "large"), content.body);
      const controlPlane = adminAccess(of.serving);
      const order = { name: "dump öß +1.tar" };
      const path = join(dir, "large");
      const artifact = await uploadFile({ controlPlane, path, request: order });
      expect(artifact).toMatchObject({ state: "ready", bytes: 20_000_000 });
      const key = `whole/${flavour}/${artifact.artifact_id}`;
      expect(await s3.keys()).toContain(key);
      const detail = await new Client(controlPlane).artifact(artifact.artifact_id);
      const url = detail.download?.url ?? "";
      expect(url).toStartWith(`${s3.url}/${key}?`);
      const { bytes, sha256 } = content;
      writeFileSync(join(dir, "back.part"), content.body.slice(0, 7_000_000));
      await downloadFile({ controlPlane, url, path: join(dir, "back"), bytes, sha256 });
      expect(sha256Of(readFileSync(join(dir, "back")))).toBe(sha256);
      await of.api(`/api/v1/artifacts/${artifact.artifact_id}`, { method: "DELETE" });
      expect(await s3.keys()).not.toContain(key);
    });
  }

  test("are uploaded as announced, by the URL that was given, or not at all", async () => {
    await using of = await target("binary", "signed");
    const agent = await holder(of);
    const content = randomContent(1_000);
    const { id, upload } = await ordered(of, agent, content);
    expect(upload).toMatchObject({ method: "PUT", resumable: false });
    const status = async (answer: Promise<Response>) => (await answer).status;
    expect(await status(put(upload, randomContent(1_001).body))).toBe(403);
    expect(await status(put(upload, randomContent(999).body))).toBe(403);
    const sum = { "x-amz-checksum-sha256": "AAAA" };
    expect(await status(put(upload, content.body, sum))).toBe(403);
    const forged = { ...upload, url: upload.url.replace(/Signature=./, "Signature=g") };
    expect(await status(put(forged, content.body))).toBe(403);
    const moved = { ...upload, url: upload.url.replace(id, "elsewhere") };
    expect(await status(put(moved, content.body))).toBe(403);
    const longer = { ...upload, url: upload.url.replace("Expires=3600", "Expires=86400") };
    expect(await status(put(longer, content.body))).toBe(403);
    expect(await status(fetch(upload.url, { method: "GET", headers: upload.headers }))).toBe(403);
    const early = await complete(of, agent, id);
    expect([early.status, early.body.error?.code]).toEqual([409, "CONFLICT"]);
    expect(await status(put(upload, content.body))).toBe(200);
    expect((await complete(of, agent, id)).body).toMatchObject({ state: "ready" });
  });

  test("that the store did not compare are never taken for somebody else's", async () => {
    await using of = await target("binary", "foreign");
    const [first, second] = [await holder(of), await holder(of)];
    const content = randomContent(1_000);
    const { id, upload } = await ordered(of, first, content);
    await put(upload, randomContent(1_000).body);
    await complete(of, first, id);
    // This store knows no SHA-256: what is there may be anything of that length.
    const other = await ordered(of, second, content);
    expect(other.id).not.toBe(id);
  });

  test("that are something else are refused by who downloads them", async () => {
    await using of = await target("binary", "other");
    using dir = temporaryDir();
    const agent = await holder(of);
    const { id, upload } = await ordered(of, agent, randomContent(1_000), "wrong");
    await put(upload, randomContent(1_000).body);
    await complete(of, agent, id);
    const got = await wsctl(
      ["artifacts", "get", id, "--data-dir", of.serving.dataDir, "--output", join(dir, "wrong")],
      {},
    );
    expect([got.code, got.stderr]).toEqual([1, expect.stringContaining("SHA-256")]);
  });

  test("expire there too", async () => {
    using dataDir = temporaryDir();
    const args = ["--s3-url", `${s3.url}/expiring`];
    const env = s3.credentials;
    {
      const short = [...args, "--artifact-ttl", "1s"];
      await using of = await Target.start("binary", short, dataDir, env);
      const agent = await holder(of);
      const content = randomContent(1_000);
      const { id, upload } = await ordered(of, agent, content);
      await put(upload, content.body);
      await complete(of, agent, id);
      expect(await s3.keys()).toContain(`expiring/${id}`);
      while ((await of.api(`/api/v1/artifacts/${id}`)).status !== 404);
    }
    await using again = await startServe({ dataDir, args, env });
    await again.process.logged(/expired artifacts deleted/);
    expect((await s3.keys()).filter((key) => key.startsWith("expiring/"))).toEqual([]);
  });

  test("wait for a store that is away", async () => {
    await using of = await target("binary", "away");
    using dir = temporaryDir();
    const path = join(dir, "small");
    const content = randomContent(100_000);
    writeFileSync(path, content.body);
    await s3.stop();
    let asked = 0;
    const controlPlane = adminAccess(of.serving);
    const counted = Object.assign(
      (...args: Parameters<typeof fetch>) => {
        // The order goes out again: the first upload, which was the second request, has failed.
        if (++asked === 3) void s3.start();
        return fetch(...args);
      },
      { preconnect: fetch.preconnect },
    );
    const artifact = await uploadFile({
      controlPlane: { ...controlPlane, fetch: counted },
      path,
      request: { name: "small" },
    });
    expect(artifact.state).toBe("ready");
    expect(asked).toBeGreaterThan(2);
  });

  test("need credentials, which come from a file that is its owner's alone and go nowhere", async () => {
    using dir = temporaryDir();
    const file = join(dir, "credentials");
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.credentials;
    writeFileSync(
      file,
      `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`,
    );
    const words = ["serve", "--port", "0", "--data-dir", dir, "--s3-url", `${s3.url}/file`];
    const none = await wsctl(words);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("AWS_ACCESS_KEY_ID")]);
    chmodSync(file, 0o644);
    const args = ["--s3-credentials-file", file];
    const open = await wsctl([...words, ...args]);
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining("chmod 600")]);
    chmodSync(file, 0o600);
    await using serve = new Running([...wsctlCommand("binary"), ...words, ...args]);
    const [, url = ""] = await serve.logged(/serving on (\S+)/);
    const controlPlane = adminAccess({ url, dataDir: dir });
    const path = join(dir, "small");
    writeFileSync(path, randomContent(1_000).body);
    const order = { name: "small" };
    expect(await uploadFile({ controlPlane, path, request: order })).toMatchObject({
      state: "ready",
    });
    expect(serve.lines.join("\n")).not.toContain(secret);
  });

  test("with wrong credentials are refused with the reason, in the log and by the API", async () => {
    const wrong = { ...s3.credentials, AWS_SECRET_ACCESS_KEY: "wrong" };
    const args = ["--s3-url", `${s3.url}/wrong`];
    await using of = await Target.start("binary", args, undefined, wrong);
    await of.serving.process.logged(/Object storage at \S+ responded 403/);
    const agent = await holder(of);
    const content = randomContent(100);
    const { id, upload } = await ordered(of, agent, content);
    expect((await put(upload, content.body)).status).toBe(403);
    const refused = await complete(of, agent, id);
    expect([refused.status, refused.body.error?.code]).toEqual([507, "STORAGE_UNAVAILABLE"]);
    expect(refused.body.error?.message).toContain("credentials of wsctl serve");
  });
});
