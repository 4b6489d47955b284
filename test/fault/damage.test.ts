/**
 * Damaged journals. What cannot be read is refused by name and left as it is; what is damaged only
 * somewhere in the middle is either said to be, or makes no outcome wrong.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryDir } from "../support/processes/processes.ts";
import { cutTo, refusalFaults } from "./damage.ts";
import { fatalForHead, fatalForSegment, firstSegment } from "./damageLog.ts";
import { World } from "./world.ts";

const dir = temporaryDir();
afterAll(() => dir[Symbol.dispose]());

let controlData: string;
let agentLog: string;

beforeAll(async () => {
  await using world = await World.start();
  await Promise.all(Array.from({ length: 30 }, () => world.send("web-1")));
  expect(await world.agent("web-1").stop()).toBe(0);
  await world.finish();
  controlData = join(`${dir}`, "data");
  for (const name of ["log", "local.json"]) {
    cpSync(join(world.dataDir, name), join(controlData, name), { recursive: true });
  }
  agentLog = join(`${dir}`, "log");
  cpSync(join(world.path("data-of-web-1"), "agents", "web-1", "log"), agentLog, {
    recursive: true,
  });
}, 60_000);

test("serve refuses a journal that it cannot read, names it and leaves it as it is", async () => {
  const dataDir = join(`${dir}`, "control");
  const args = ["serve", "--port", "0", "--data-dir", dataDir];
  const faults: string[] = [];
  for (const name of [firstSegment, "head"]) {
    cpSync(controlData, dataDir, { recursive: true });
    const whole = readFileSync(join(controlData, "log", name));
    for (const damage of name === "head" ? fatalForHead : fatalForSegment) {
      faults.push(...(await refusalFaults(join(dataDir, "log", name), whole, damage, args)));
    }
    rmSync(dataDir, { recursive: true });
  }
  expect(faults).toEqual([]);
}, 60_000);

test("an agent refuses a journal that it cannot read, names it and leaves it as it is", async () => {
  const dataDir = join(`${dir}`, "agent");
  const own = join(dataDir, "agents", "web-1");
  mkdirSync(own, { recursive: true });
  // No control plane is needed: the log is read first.
  const args = ["agent", "--id", "web-1", "--data-dir", dataDir];
  const faults: string[] = [];
  for (const name of [firstSegment, "head"]) {
    cpSync(agentLog, join(own, "log"), { recursive: true });
    const whole = readFileSync(join(agentLog, name));
    const damages = name === "head" ? fatalForHead : fatalForSegment;
    for (const damage of damages) {
      faults.push(...(await refusalFaults(join(own, "log", name), whole, damage, args)));
    }
    rmSync(join(own, "log"), { recursive: true });
  }
  expect(faults).toEqual([]);
}, 60_000);

test("an agent refuses a journal of a build before the first release", async () => {
  const dataDir = join(`${dir}`, "earlier");
  const own = join(dataDir, "agents", "web-1");
  mkdirSync(own, { recursive: true });
  const file = join(own, "journal.db");
  const args = ["agent", "--id", "web-1", "--data-dir", dataDir];
  expect(await refusalFaults(file, Buffer.alloc(4096), cutTo(4096), args)).toEqual([]);
});
