/**
 * A full disk under the control plane and under the agent: refused by name, nothing run, and all
 * is well again as soon as there is room. Small disks are made in memory, which only root may do.
 */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../../lib/client/client.ts";
import { temporaryDir } from "../support/processes/processes.ts";
import { within } from "./waits.ts";
import { World } from "./world.ts";

class SmallDisk implements Disposable {
  readonly path: string;
  readonly #dir = temporaryDir();

  constructor(size = "2m") {
    this.path = join(`${this.#dir}`, "disk");
    mkdirSync(this.path);
    const options = ["-t", "tmpfs", "-o", `size=${size},mode=700`, "wsctl-test", this.path];
    const { status, stderr } = spawnSync("mount", options);
    if (status === 0) return;
    this.#dir[Symbol.dispose]();
    throw new Error(`cannot mount: ${stderr}`);
  }

  /** To the last page. */
  fill(): void {
    const file = openSync(this.#filler, "a");
    try {
      for (let size = 64 * 1024; size >= 1; size /= 2) {
        const bytes = new Uint8Array(size);
        while (isWritten(file, bytes));
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#filler);
  }

  get #filler(): string {
    return join(this.path, "filler");
  }

  [Symbol.dispose](): void {
    // Lazily, so that a file which is still open somewhere leaves no mount behind.
    spawnSync("umount", ["-l", this.path]);
    this.#dir[Symbol.dispose]();
  }
}

function isWritten(file: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(file, bytes) === bytes.length;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOSPC") return false;
    throw error;
  }
}

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    using disk = new SmallDisk();
    return disk.path !== "";
  } catch {
    return false;
  }
}

/** What was allocated before the disk was full still takes some: it does not last. */
async function sendUntil(world: World, wanted: string): Promise<number> {
  for (let sent = 1; sent <= 2_000; sent++) {
    const told = await world.send("web-1");
    if (told === wanted) return sent;
    expect(told).toBe("success");
  }
  throw new Error(`no request was answered with ${wanted}`);
}

const ready = (world: World) => fetch(`${world.controlUrl}/readyz`);

async function fullControlPlane(): Promise<void> {
  using disk = new SmallDisk();
  await using world = await World.start({ heartbeat: "1s", dataDir: disk.path });
  expect(await world.send("web-1")).toBe("success");
  const seen = world.agent("web-1").lines.length;
  const underWay = world.send("web-1", { waitMs: 2_000 });
  await world.agent("web-1").logged(/running/, seen);
  // A job that the full disk keeps out of the index would make the list an error.
  expect((await world.client.jobs()).items).toHaveLength(2);
  disk.fill();
  // Nothing was written since, and nothing new could be.
  const full = await ready(world);
  expect(full.status).toBe(503);
  expect(await full.json()).toMatchObject({ reason: expect.stringContaining("disk is full") });
  await sendUntil(world, "refused STORAGE_UNAVAILABLE");
  const refused = await world.sendByCli("web-1");
  expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("the journal cannot be written");
  const answer = await ready(world);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ status: "not ready" });
  // For longer than an agent may be silent: heartbeats are taken, and reading goes on.
  const before = await world.client.agent("web-1");
  await pause(6_000);
  const after = await world.client.agent("web-1");
  expect(after.online).toBe(true);
  expect(after.connected_at).toBe(before.connected_at ?? "");
  expect((await world.client.jobs()).items.length).toBeGreaterThan(0);
  // What goes by an index that cannot be written is refused by name, if anything is missing in it.
  const byAgent = () => world.client.jobs({ agent: "web-1" });
  const listed = await byAgent().then(
    () => "listed",
    ({ code }) => code,
  );
  expect(["listed", "STORAGE_UNAVAILABLE"]).toContain(listed);
  expect((await fetch(`${world.controlUrl}/healthz`)).status).toBe(200);
  expect(await world.send("web-1")).toBe("refused STORAGE_UNAVAILABLE");
  const mark = world.control.lines.length;
  disk.free();
  await world.control.logged(/journal writable again/, mark);
  expect((await ready(world)).status).toBe(200);
  expect(await world.send("web-1")).toBe("success");
  expect((await byAgent()).items.length).toBeGreaterThan(0);
  expect(await within(20_000, "the outcome from before", underWay)).toBe("success");
  await world.finish();
}

async function revokedOnAFullDisk(): Promise<void> {
  using disk = new SmallDisk();
  await using world = await World.start({ dataDir: disk.path, agents: ["web-1", "web-2"] });
  await world.register("away");
  const { token } = await world.client.createToken({ role: "operator" });
  const operator = new Client({ url: world.controlUrl, token, fetch });
  const waiting = await world.client.sendOnly({
    command: "append",
    parameters: { file: world.ranFile, line: "never" },
    target: { agents: ["away"] },
  });
  expect(await world.send("web-1")).toBe("success");
  disk.fill();
  await sendUntil(world, "refused STORAGE_UNAVAILABLE");
  for (const what of [world.client.revokeAgent("web-1"), world.client.revokeAgent("away")]) {
    expect(await what.catch(String)).toContain("Revoked, but not saved");
  }
  // What is said of an agent meanwhile is refused whole, or written when there is room.
  const labelled = await world.client
    .labelAgent("web-2", { env: "prod" })
    .catch((error) => error.code);
  expect(labelled).toBe("STORAGE_UNAVAILABLE");
  expect((await world.client.agent("web-2")).labels).toBeUndefined();
  const { token_id: id } = await operator.whoami();
  expect(await world.client.revokeToken(id).catch(String)).toContain("Revoked, but not saved");
  await world.agent("web-1").logged(/unknown or revoked/);
  expect(await operator.jobs().catch((error) => error.code)).toBe("UNAUTHORIZED");
  expect(await world.send("web-2")).toBe("refused STORAGE_UNAVAILABLE");
  const mark = world.control.lines.length;
  disk.free();
  await world.control.logged(/delayed revocation saved/, mark);
  await world.control.logged(/journal writable again/, mark);
  const ends = world.client.watchJob(waiting.job)[Symbol.asyncIterator]().next();
  const { value: outcome } = await within(20_000, "the withdrawal", ends);
  expect(outcome).toMatchObject({
    outcome: "cancelled",
    message: expect.stringMatching("revoked"),
  });
  expect(await world.send("web-2")).toBe("success");
  await world.control.kill();
  await world.serve(undefined, world.controlPort);
  expect(await operator.jobs().catch((error) => error.code)).toBe("UNAUTHORIZED");
  await world.finish();
}

async function fullAgent(): Promise<void> {
  // Room for the segment of the log that is written, and for the next one.
  using disk = new SmallDisk("4m");
  await using world = await World.start({ heartbeat: "1s" });
  await world.agent("web-1").kill();
  const agent = world.startAgent("web-1", undefined, disk.path);
  await agent.logged(/ connected/);
  expect(await world.send("web-1")).toBe("success");
  disk.fill();
  await sendUntil(world, "error STORAGE_UNAVAILABLE");
  const many = await Promise.all(Array.from({ length: 20 }, () => world.send("web-1")));
  expect(new Set(many)).toEqual(new Set(["error STORAGE_UNAVAILABLE"]));
  expect(agent.lines.filter((line) => line.includes("Cannot write the"))).toHaveLength(1);
  disk.free();
  expect(await world.send("web-1")).toBe("success");
  await agent.logged(/journal writable again failures=\d+/);
  expect(agent.hasExited).toBe(false);
  const { counts } = await world.finish();
  expect(counts["error STORAGE_UNAVAILABLE"]).toBe(21);
}

if (canMount()) {
  test(
    "a control plane whose disk is full refuses, reads, and goes on when it is not",
    () => fullControlPlane(),
    90_000,
  );
  test(
    "whoever is revoked on a full disk is out at once, and for good when there is room",
    () => revokedOnAFullDisk(),
    90_000,
  );
  test(
    "an agent whose disk is full runs nothing, and goes on when it is not",
    () => fullAgent(),
    90_000,
  );
} else process.stdout.write("full disks are left out: they need root and mount\n");
