/** `wsctl watch` on the binary: at a terminal of 80 columns, and without one. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";
import { Running } from "../../support/processes/processes.ts";
import { hasTmux, Tmux } from "../../support/processes/tmux.ts";

setDefaultTimeout(60_000);

const binary = new URL("../../../dist/wsctl", import.meta.url).pathname;
let fleet: BigFleet;
beforeAll(async () => {
  const members = membersOf(200, (index) => ({
    labels: { env: index % 2 === 0 ? "prod" : "staging" },
    hello: { hostname: `h${index}`, os: "linux", version: "1.2.3" },
  }));
  fleet = await BigFleet.start(members);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const command = (...words: string[]) => [
  binary,
  "watch",
  "--data-dir",
  `${fleet.dataDir}`,
  "--interval",
  "300ms",
  ...words,
];

if (hasTmux) {
  test("shows the fleet at 80 columns, and does what its keys say", async () => {
    using tmux = new Tmux(command().join(" "));
    const first = await tmux.shows(/host-000 online .* ms +1\.2\.3/);
    const lines = first.split("\n");
    expect(lines[0]).toBe("200 agents: 200 online, 0 offline, 0 busy");
    expect(lines[1]).toBe("AGENTv   STATE            CPU   MEMORY   LATENCY  VERSION  OPEN LATEST");
    expect(lines[21]).toStartWith("host-019");
    expect(lines[22]).toBe("host-000  h0  linux  127.0.0.1  env=prod");
    tmux.press("p");
    await tmux.shows(/ping host-000 success done \(\d+ ms\)/);
    expect(await tmux.shows(/host-000 .*success \ds ago/)).toContain("host-001");
    tmux.press("/", "staging", "Enter");
    await tmux.shows(/200 online, 0 offline, 0 busy; 100 with "staging"/);
    tmux.press("j", "d");
    await tmux.shows(/drain host-003\? \[y\/N\]/);
    tmux.press("y");
    await tmux.shows(/host-003 online,drained/);
    expect((await fleet.client.agent("host-003")).drained).toBe(true);
    tmux.press("d", "n");
    await tmux.shows(/Cancelled/);
    tmux.press("Escape", "G");
    await tmux.shows(/^host-199 /m);
    tmux.resize(60, 12);
    const small = await tmux.shows(/host-199/);
    expect(small.trimEnd().split("\n")).toHaveLength(12);
    await fleet.restart();
    await tmux.shows(/200 online/, 20_000);
    tmux.press("q");
    await expect(tmux.shows(/never/, 5_000)).rejects.toThrow(/tmux|not shown/);
  });
} else process.stdout.write("wsctl watch at a terminal is left out: it needs tmux\n");

test("without a terminal says what changes, one line each", async () => {
  await using watching = new Running(command("--target", "agent=host-01?", "--json"));
  for (let index = 10; index < 20; index++) {
    await watching.logged(new RegExp(`"agent":"host-0${index}","state":"online"`));
  }
  expect(watching.lines.some((line) => /host-0[02-9]/.test(line))).toBe(false);
  await fleet.run("send", "work", "--agent", "host-012");
  await watching.logged(/"agent":"host-012","outcome":"success"/);
  await fleet.run("agents", "drain", "host-013");
  await watching.logged(/"agent":"host-013","state":"online,drained"/);
  expect(await watching.stop()).toBe(0);
});

test("what is wrong from the beginning is an error at once", async () => {
  const selector = await fleet.run("watch", "--target", "env=(");
  expect({ code: selector.code, stdout: selector.stdout }).toEqual({ code: 2, stdout: "" });
  const interval = await fleet.run("watch", "--interval", "1ms");
  expect(interval.stderr).toContain('Flag --interval is "1ms": expected 0.2s or more');
});
