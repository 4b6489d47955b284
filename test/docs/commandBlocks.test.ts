/** Every command block of the README, the tutorial and the guides runs on the binary, in order. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { difference, normalise } from "../support/docs/compare.ts";
import { readPage } from "../support/docs/page.ts";
import { runPage } from "../support/docs/runPage.ts";

setDefaultTimeout(120_000);

const root = new URL("../..", import.meta.url).pathname;
/** Pages that have nothing to type, or nothing that a test can run. */
const withoutRuns: string[] = [];

const totals = { ran: 0, notRun: [] as string[] };

function pages(): string[] {
  const guides = join(root, "docs/guides");
  const names = existsSync(guides) ? readdirSync(guides) : [];
  return ["README.md", "docs/tutorial.md", ...names.map((name) => `docs/guides/${name}`)].filter(
    (page) => page.endsWith(".md") && existsSync(join(root, page)),
  );
}

describe("command blocks", () => {
  for (const page of pages()) {
    test(`${page}: every command works as typed and prints what the page shows`, async () => {
      const result = await runPage(readPage(readFileSync(join(root, page), "utf8")));
      if (result.isSkipped) {
        process.stderr.write(`${page} is left out: no network namespaces here\n`);
        return;
      }
      expect(result.mismatches.map(({ message }) => message)).toEqual([]);
      expect(result.ran > 0 || withoutRuns.includes(page)).toBeTrue();
      totals.ran += result.ran;
      totals.notRun.push(...result.notRun.map((reason) => `${page}: ${reason}`));
    });
  }

  afterAll(() => {
    const { ran, notRun } = totals;
    process.stderr.write(`command blocks: ${ran} ran, ${notRun.length} marked not-run\n`);
    for (const reason of notRun) process.stderr.write(`  ${reason}\n`);
  });
});

describe("the notation of command blocks", () => {
  const fence = "```";

  test("a page with a wrong output fails, and says where", async () => {
    const text = `${fence}console\n$ echo one\ntwo\n${fence}\n`;
    const { mismatches } = await runPage(readPage(text));
    expect(mismatches.map(({ message }) => message)).toEqual([
      "line 2: $ echo one\nthe page shows:\ntwo\nthe binary printed:\none",
    ]);
  });

  test("a command that fails must be marked with its exit status", async () => {
    const body = `\n$ wsctl send\n…\n${fence}\n`;
    const unmarked = await runPage(readPage(`${fence}console${body}`));
    expect(unmarked.mismatches[0]?.message).toContain("exit status 2, not 0");
    const marked = await runPage(readPage(`${fence}console exit=2${body}`));
    expect(marked.mismatches).toEqual([]);
  });

  test("a shell keeps its variables and its directory between blocks", async () => {
    const blocks = ["$ mkdir -p a && cd a && X=7", "$ echo $X; basename \\\n  $PWD\n7\na"];
    const text = blocks.map((body) => `${fence}console\n${body}\n${fence}\n`).join("\n");
    expect(await runPage(readPage(text))).toMatchObject({ ran: 2, mismatches: [] });
  });

  test("every background process of a page ends with it, also two of one name", async () => {
    const block = (mark: string) =>
      `${fence}console background name=x\n$ sh -c 'echo ${mark} $$; exec sleep 60'\n<${mark}>\n${fence}\n`;
    const text = ["ONE", "TWO"].map((mark) =>
      block(mark).replace(`<${mark}>`, `${mark} <PID_${mark}>`),
    );
    const show = `${fence}console\n$ ps -o args= -p <PID_ONE> -p <PID_TWO>\nsleep 60\nsleep 60\n$ echo <PID_ONE> <PID_TWO>\n${fence}\n`;
    const { mismatches } = await runPage(readPage([...text, show].join("\n")));
    const pids = mismatches.flatMap(({ printed }) => printed.join(" ").split(" ").map(Number));
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("other fences with commands are refused", () => {
    expect(() => readPage(`${fence}sh\nwsctl serve\n${fence}\n`)).toThrow("console, not sh");
  });

  test("a not-run block is counted with its reason", async () => {
    const text = `${fence}console not-run="needs root"\n# reboot\n${fence}\n`;
    expect(await runPage(readPage(text))).toMatchObject({ ran: 0, notRun: ["needs root"] });
  });

  test("volatile classes replace what they name, on both sides", () => {
    const line = "web-1  success  pong  (13 ms)     01a22982-e295-77b4-93a7-326f73f45a76";
    expect(normalise(line, ["duration", "id"])).toBe("web-1  success  pong  ({duration})  {id}");
    expect(normalise('  "pid": 12', ["process"])).toBe('  "pid": {process}');
  });

  test("a placeholder stays the same on a page, and … stands for anything", () => {
    const bindings = new Map<string, string>();
    const expectation = (...expected: string[]) => ({ expected, volatile: [], isUnordered: false });
    expect(difference(["job 7"], expectation("job <JOB>"), bindings)).toBeUndefined();
    expect(difference(["x", "y", "job 7 z"], expectation("…", "job <JOB> …"), bindings)).toBe(
      undefined,
    );
    expect(difference(["job 8"], expectation("job <JOB>"), bindings)).toContain("job 8");
  });
});
