/**
 * Damaged journals. What cannot be read is refused by name and left as it is; what is damaged only
 * somewhere in the middle is either said to be, or makes no outcome wrong.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDir } from "../support/processes/processes.ts";
import { cutTo, fatal, refusalFaults, wholeFile } from "./damage.ts";
import { World } from "./world.ts";

let control: Buffer;
let agent: Buffer;

beforeAll(async () => {
  await using world = await World.start();
  await Promise.all(Array.from({ length: 30 }, () => world.send("web-1")));
  expect(await world.agent("web-1").stop()).toBe(0);
  await world.finish();
  control = wholeFile(join(world.dataDir, "control.db"));
  agent = wholeFile(join(world.path("data-of-web-1"), "agents", "web-1", "journal.db"));
}, 60_000);

const dir = temporaryDir();
afterAll(() => dir[Symbol.dispose]());

test("serve refuses a journal that it cannot read, names it and leaves it as it is", async () => {
  const dataDir = join(`${dir}`, "control");
  mkdirSync(dataDir);
  const args = ["serve", "--port", "0", "--data-dir", dataDir];
  const faults: string[] = [];
  for (const damage of fatal) {
    faults.push(...(await refusalFaults(join(dataDir, "control.db"), control, damage, args)));
  }
  expect(faults).toEqual([]);
}, 60_000);

test("an agent refuses a journal that it cannot read, names it and leaves it as it is", async () => {
  const dataDir = join(`${dir}`, "agent");
  const own = join(dataDir, "agents", "web-1");
  mkdirSync(own, { recursive: true });
  // Nobody need be there: the journal is looked at first.
  const args = ["agent", "--id", "web-1", "--data-dir", dataDir];
  const faults: string[] = [];
  for (const damage of fatal) {
    faults.push(...(await refusalFaults(join(own, "journal.db"), agent, damage, args)));
  }
  expect(faults).toEqual([]);
}, 60_000);

test("a journal of which one byte is left is not taken for a new one", async () => {
  const dataDir = join(`${dir}`, "byte");
  mkdirSync(dataDir);
  const args = ["serve", "--port", "0", "--data-dir", dataDir];
  const file = join(dataDir, "control.db");
  expect(await refusalFaults(file, control, cutTo(1), args)).toEqual([]);
});
