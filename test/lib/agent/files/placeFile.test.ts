import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../support/fixtures/sources.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const rounds = 25;
const bytes = 2_000_000;

test("placeFile(): a process that is killed at any moment leaves the old content or the new one", async () => {
  using dir = temporaryDir();
  const path = (name: string) => join(`${dir}`, name);
  const digest = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
  for (const letter of ["a", "b"]) writeFileSync(path(letter), letter.repeat(bytes));
  const contents = ["a", "b"].map((letter) => digest(path(letter)));
  writeFileSync(path("target"), "a".repeat(bytes), { mode: 0o640 });
  const script = `
    const { placeFile } = await import(${JSON.stringify(join(root, "lib/agent/files/placeFile.ts"))});
    const files = ${JSON.stringify(["a", "b"].map((name, index) => ({ from: path(name), sha256: contents[index], mode: 0o600 })))};
    const options = { requestId: "r", mode: undefined, owner: undefined, isBackedUp: false, isCheck: false };
    for (let round = 0; ; round++) {
      await placeFile(${JSON.stringify(path("target"))}, files[(round + 1) % 2], options);
      if (round === 0) console.log("placed");
    }`;
  const seen = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    // The first file is there; then it ends in the middle of the next ones.
    await child.stdout.getReader().read();
    await Bun.sleep((round * 7) % 20);
    child.kill("SIGKILL");
    await child.exited;
    const found = digest(path("target"));
    expect(contents).toContain(found);
    expect(statSync(path("target")).mode & 0o777).toBe(0o640);
    seen.add(found);
  }
  expect(seen.size).toBe(2);
  // What was not finished has a name of its own, and only one per request.
  expect(readdirSync(`${dir}`).filter((name) => name.startsWith(".")).length).toBeLessThan(2);
}, 60_000);
