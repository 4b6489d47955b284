import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { ArtifactService } from "../../../../lib/control/artifacts/artifactService.ts";
import { LocalStore } from "../../../../lib/control/artifacts/localStore.ts";
import type { ControlJournal } from "../../../../lib/control/journal/journal.ts";
import type { StoredToken } from "../../../../lib/control/journal/tables/tokenTable.ts";
import { type Content, randomContent, sha256Of } from "../../../support/fixtures/artifacts.ts";
import { openJournal } from "../../../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const admin: StoredToken = {
  tokenId: "token",
  hash: new Uint8Array(32),
  role: "admin",
  state: "active",
  createdAt: 0,
  createdBy: "local",
};
/** The authority of a credential that stays in force. */
const valid = { require() {} };
const day = 24 * 60 * 60 * 1000;

describe("Artifacts", () => {
  let dir: ReturnType<typeof temporaryDir>;
  let journal: ControlJournal;
  let store: LocalStore;
  let artifacts: ArtifactService;
  let now = 1_000_000;
  let timers: { at: number; run: () => void }[] = [];

  beforeEach(() => {
    dir = temporaryDir();
    now = 1_000_000;
    timers = [];
    journal = openJournal(dir);
    store = new LocalStore(join(dir, "artifacts"), () => now);
    const silent = () => {};
    artifacts = new ArtifactService({
      records: journal.artifacts,
      store,
      limits: { bytesMax: 10_000, quotaBytes: 20_000, ttlMs: 7 * day },
      newId,
      clock: {
        now: () => now,
        wall: () => now,
        defer: (run) => void setImmediate(run),
        after: (ms, run) => {
          const timer = { at: now + ms, run };
          timers.push(timer);
          return () => void timers.splice(timers.indexOf(timer), 1);
        },
      },
      log: { error: silent, warn: silent, info: silent, debug: silent },
    });
  });
  afterEach(() => {
    artifacts.close();
    journal.close();
    dir[Symbol.dispose]();
  });

  const order = ({ bytes, sha256 }: Content, name = "x") =>
    artifacts.create({ name, bytes, sha256 }, admin, valid);

  async function ready(content: Content, name = "x") {
    const artifact = await order(content, name);
    const body = new Blob([content.body]).stream() as ReadableStream<Uint8Array>;
    await store.uploads.receive(artifact, { end: content.bytes }, body);
    const done = await artifacts.complete(artifact, valid);
    if (done === undefined) throw new Error("not yet");
    return done;
  }

  test("an upload that is abandoned ends after a day, a release never", async () => {
    const content = randomContent(100);
    const { artifactId, expiresAt } = await order(content);
    expect(expiresAt).toBe(now + day);
    now += day / 2;
    // Asked for again it has its time anew.
    expect(await order(content)).toMatchObject({ artifactId, expiresAt: now + day });
    const kept = await ready(randomContent(100), "kept");
    expect(kept.expiresAt).toBeUndefined();
    now += day;
    expect(() => artifacts.find(artifactId)).toThrow(/Artifact "[^"]+" not found/);
    await artifacts.sweep();
    expect(journal.artifacts.get(artifactId)).toBeUndefined();
    expect(artifacts.find(kept.artifactId)).toEqual(kept);
    expect(store.has(kept.object)).toBe(true);
  });

  test("artifacts: an expired artifact is created again even before the cleanup", async () => {
    const content = randomContent(100);
    const first = await order(content);
    now += 2 * day;
    expect((await order(content)).artifactId).not.toBe(first.artifactId);
  });

  test("artifacts: content is kept while a record refers to it", async () => {
    const content = randomContent(100);
    const first = await ready(content, "first");
    const second = await order(content, "second");
    expect(second).toMatchObject({ state: "ready", object: first.object });
    await artifacts.remove(first);
    expect(store.has(second.object)).toBe(true);
    await artifacts.remove(second);
    expect(store.has(second.object)).toBe(false);
  });

  test("a deletion that broke off is finished by the sweep", async () => {
    const gone = await ready(randomContent(100));
    journal.artifacts.setExpiry(gone.artifactId, now);
    expect(() => artifacts.find(gone.artifactId)).toThrow();
    await artifacts.sweep();
    expect(store.has(gone.object)).toBe(false);
    expect(journal.artifacts.get(gone.artifactId)).toBeUndefined();
  });

  test("content on record that the disk has lost is uploaded again", async () => {
    const content = randomContent(100);
    const lost = await ready(content, "lost");
    await store.remove(lost.object);
    expect((await order(content, "again")).state).toBe("uploading");
  });

  test("the sweep comes again every few minutes, and leaves what is under way", async () => {
    const content = randomContent(100);
    const open = await order(content);
    const half = new Blob([content.body.slice(0, 50)]).stream() as ReadableStream<Uint8Array>;
    await store.uploads.receive(open, { start: 0, end: 50 }, half);
    const stray = join(dir, "artifacts", "uploads", "stray");
    writeFileSync(stray, "left behind");
    await artifacts.sweep();
    expect(existsSync(stray)).toBe(false);
    expect(store.uploads.offset(open.artifactId)).toBe(50);
    artifacts.start();
    while (timers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(timers.map(({ at }) => at - now)).toEqual([5 * 60 * 1000]);
    artifacts.close();
    expect(timers).toEqual([]);
  });

  test("the sum of what several processes received is taken from the file", async () => {
    const content = randomContent(1_000);
    const artifact = await order(content);
    const stream = (start: number, end: number) =>
      new Blob([content.body.slice(start, end)]).stream() as ReadableStream<Uint8Array>;
    await store.uploads.receive(artifact, { start: 0, end: 400 }, stream(0, 400));
    const later = new LocalStore(join(dir, "artifacts"), () => now);
    await later.uploads.receive(artifact, { start: 400, end: 1_000 }, stream(400, 1_000));
    expect(later.uploads.digest(artifact)).toBeUndefined();
    expect(await later.complete(artifact)).toBe("verified");
  });

  test("artifacts: an upload that is being verified cannot be written", async () => {
    const content = randomContent(1_000);
    const artifact = await order(content);
    const stream = (body: Content["body"]) =>
      new Blob([body]).stream() as ReadableStream<Uint8Array>;
    await store.uploads.receive(artifact, { end: 1_000 }, stream(content.body));
    const completing = artifacts.complete(artifact, valid);
    const other = store.uploads.receive(artifact, { end: 1_000 }, stream(randomContent(9).body));
    await expect(other).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await completing).toMatchObject({ state: "ready", isVerified: true });
    expect(sha256Of(readFileSync(store.path(artifact.object)))).toBe(content.sha256);
  });

  test("a second body for the same upload ends the first", async () => {
    const content = randomContent(1_000);
    const artifact = await order(content);
    let first: ReadableStreamDefaultController<Uint8Array> | undefined;
    const hanging = new ReadableStream<Uint8Array>({
      start(controller) {
        first = controller;
        controller.enqueue(content.body.slice(0, 300));
      },
    });
    const hung = store.uploads.receive(artifact, { start: 0, end: 1_000 }, hanging);
    while (store.uploads.offset(artifact.artifactId) < 300) await Bun.sleep(1);
    const rest = new Blob([content.body.slice(300)]).stream() as ReadableStream<Uint8Array>;
    const second = store.uploads.receive(artifact, { start: 300, end: 1_000 }, rest);
    expect(await hung).toEqual({ taken: true, offset: 300 });
    expect(await second).toEqual({ taken: true, offset: 1_000 });
    expect(() => first?.enqueue(content.body)).toThrow();
    expect(await store.complete(artifact)).toBe("verified");
  });
});
