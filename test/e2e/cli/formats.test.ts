/** Answers as people and programs ask for them: alike ones once, tables, CSV, chosen fields, progress. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";
import { atTerminal } from "../../support/processes/terminal.ts";

setDefaultTimeout(60_000);

let fleet: BigFleet;
beforeAll(async () => {
  const members = membersOf(40, (index) => ({
    labels: { env: "prod" },
    hello: { hostname: `h${index}`, os: "linux", arch: "x64" },
  }));
  fleet = await BigFleet.start(members);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const params = (value: object) => ["--params", JSON.stringify(value)];
const send = (...words: string[]) => fleet.run("send", "work", "--all", "--yes", ...words);

describe("alike answers once", () => {
  const fails = ["host-003", "host-017"];

  test("with those who gave them, the most frequent first", async () => {
    const { code, stdout, stderr } = await send(
      "--group-by-output",
      ...params({ fails, says: "a\nb" }),
    );
    const lines = stdout.split("\n");
    expect(code).toBe(1);
    expect(lines[0]).toBe("38 agents:  success");
    expect(lines[1]).toStartWith("  host-000, host-001, host-002, host-004, ");
    expect(lines.slice(2)).toEqual([
      ...["  | a", "  | b", "2 agents:  failed", "  host-003, host-017", "  | a", "  | b", ""],
    ]);
    expect(stderr).toContain("40 agents: ");
  });

  test("as JSON", async () => {
    const { stdout } = await send("--group-by-output", "--json", ...params({ fails }));
    const groups = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(groups).toMatchObject([
      { count: 38, outcome: "success", message: "done" },
      { count: 2, outcome: "failed", agents: fails },
    ]);
  });
});

describe("a list", () => {
  test("as CSV, with what a spreadsheet would run made harmless", async () => {
    const says = '=cmd|"/c calc"!A1';
    const { stdout } = await fleet.run(
      ...["send", "work", "--agent", "host-000", "--format", "csv", ...params({ says })],
    );
    const [heading, row] = stdout.split("\n");
    expect(heading).toBe("agent,outcome,code,duration_ms,request,message,result");
    expect(row).toMatch(/^host-000,success,,\d+,[0-9a-f-]{36},"'=cmd\|""\/c calc""!A1",$/);
  });

  test("as a table, and as a wide one", async () => {
    const narrow = await fleet.run("send", "work", "--agent", "host-00?", "--format", "table");
    expect(narrow.stdout.split("\n")[0]).toMatch(/^AGENT +OUTCOME +CODE +DURATION MS +MESSAGE$/);
    expect(narrow.stdout.trim().split("\n")).toHaveLength(11);
    const wide = await fleet.run("send", "work", "--agent", "host-00?", "--format", "wide");
    expect(wide.stdout.split("\n")[0]).toContain("REQUEST");
  });

  test("of agents as an inventory", async () => {
    const { stdout } = await fleet.run("agents", "list", "--format", "csv");
    const forExcel = await fleet.run("agents", "list", "--format", "excel");
    expect(forExcel.stdout.startsWith("\uFEFFagent,")).toBe(true);
    expect(forExcel.stdout.split("\n")).toHaveLength(stdout.split("\n").length);
    const lines = stdout.trim().split("\n");
    expect(lines[0]).toBe(
      "agent,state,cpu,memory,version,open,last_seen,hostname,os,arch,address,protocol,labels",
    );
    expect(lines[1]).toMatch(
      /^host-000,online,,,1\.2\.3,0,.*,h0,linux,x64,127\.0\.0\.1,wsctl\.v1,env=prod$/,
    );
    expect(lines).toHaveLength(41);
  });
});

describe("fields of JSON are chosen", () => {
  test("by a query for each object", async () => {
    const query = "{who: agent, how: outcome}";
    const words = ["send", "work", "--agent", "host-001", "--json", "--query", query];
    expect((await fleet.run(...words)).stdout).toBe('{"who":"host-001","how":"success"}\n');
    const agents = await fleet.run("agents", "--json", "--query", "labels.env");
    expect(new Set(agents.stdout.trim().split("\n"))).toEqual(new Set(['"prod"']));
  });

  test.each([
    [["--json", "--query", "{"], /Flag --query is "\{"/],
    [["--query", "agent"], /Flag --query needs --json/],
    [["--json", "--format", "csv"], /--json and --format csv cannot be combined/],
  ])("or refused before anything is sent: %j", async (words, says) => {
    const ran = fleet.ran().length;
    const { code, stderr } = await fleet.run("send", "work", "--agent", "host-001", ...words);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
    expect(fleet.ran()).toHaveLength(ran);
  });
});

test("a person at a terminal sees how far it is, and in the end nothing of it is left", async () => {
  const words = `send work --all --yes --batch 5 --group-by-output --params '{"ms":30}'`;
  const seen = await atTerminal(words, { dataDir: `${fleet.dataDir}` });
  expect(seen).toMatch(/\d+ of 40 done, \d+ waiting, [\d.]+\/s, about \d+ s left/);
  const last = seen.slice(seen.lastIndexOf("waiting"));
  expect(last).toContain("\r\x1b[K");
  expect(last).toContain("40 agents:");
});

test("a program sees no progress", async () => {
  const { stderr } = await send("--batch", "5");
  expect(stderr).toMatch(/^Job \S+\n40 agents: 40 success\n$/);
});
