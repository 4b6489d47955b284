import { describe, expect, test } from "bun:test";
import { changesBetween } from "../../../cmd/watch/changes.ts";
import { buildScreen } from "../../../cmd/watch/screen.ts";
import {
  initialState,
  onKey,
  shownAgents,
  sortKeys,
  type WatchState,
} from "../../../cmd/watch/state.ts";
import type { AgentView } from "../../../lib/protocol/api/views.ts";

const now = Date.parse("2026-01-01T00:01:00Z");

function agent(id: string, more: Partial<AgentView> = {}): AgentView {
  return { agent_id: id, online: true, access: "active", open_requests: 0, ...more };
}

const fleet = [
  agent("web-1", {
    cpu_usage: "5%",
    memory_usage: "1.5GB",
    latency_ms: 3,
    labels: { env: "prod" },
  }),
  agent("db-1", { cpu_usage: "90%", memory_usage: "900MB", latency_ms: 12.5, open_requests: 2 }),
  agent("web-2", { online: false, drained: true, version: "0.9.0" }),
];
const state = (more: Partial<WatchState> = {}): WatchState => ({
  ...initialState,
  agents: fleet,
  ...more,
});
const ids = (of: WatchState) => shownAgents(of).map(({ agent_id }) => agent_id);
const press = (of: WatchState, keys: string[]) =>
  keys.reduce((last, key) => onKey(last, key, 10).state, of);

describe("agents are sorted", () => {
  test.each([
    ["agent", ["db-1", "web-1", "web-2"]],
    ["state", ["web-2", "db-1", "web-1"]],
    ["cpu", ["db-1", "web-1", "web-2"]],
    ["memory", ["web-1", "db-1", "web-2"]],
    ["latency", ["db-1", "web-1", "web-2"]],
    ["version", ["db-1", "web-1", "web-2"]],
    ["open", ["db-1", "web-1", "web-2"]],
  ] as const)("by %s", (sort, expected) => {
    expect(ids(state({ sort }))).toEqual([...expected]);
  });

  test("by the next column with every s, and the other way round with r", () => {
    const all = sortKeys.map((_, index) => press(state(), Array(index + 1).fill("s")).sort);
    expect(all).toEqual([...sortKeys.slice(1), "agent"]);
    expect(ids(press(state(), ["r"]))).toEqual(["web-2", "web-1", "db-1"]);
  });
});

describe("keys", () => {
  test("choose an agent, and never leave the list", () => {
    const down = press(state(), ["j", "\x1b[B", "j", "j"]);
    expect(down.selected).toBe("web-2");
    expect(press(down, ["k"]).selected).toBe("web-1");
    expect(press(down, ["g"]).selected).toBe("db-1");
    expect(press(state({ agents: [] }), ["j", "G", "p", "R"])).toMatchObject({ prompt: undefined });
  });

  test("filter by words, found anywhere", () => {
    const typed = press(state(), ["/", "w", "e", "b", " ", "p", "r", "o", "d", "x", "\x7f", "\r"]);
    expect({ filter: typed.filter, asking: typed.prompt }).toEqual({
      filter: "web prod",
      asking: undefined,
    });
    expect(ids(typed)).toEqual(["web-1"]);
    expect(ids(press(typed, ["\x1b"]))).toHaveLength(3);
    expect(ids(press(state(), ["/", "d", "r", "a", "i", "n", "\r"]))).toEqual(["web-2"]);
  });

  test("watch: keys that change an agent ask for confirmation; others act at once", () => {
    expect(onKey(state(), "p", 10).effect).toEqual({
      type: "act",
      action: "ping",
      agent: "db-1",
    });
    const asked = onKey(state({ selected: "web-2" }), "d", 10).state;
    expect(asked.prompt).toEqual({ action: "undrain", agent: "web-2" });
    expect(onKey(asked, "y", 10).effect).toEqual({
      type: "act",
      action: "undrain",
      agent: "web-2",
    });
    const refused = onKey(asked, "n", 10);
    expect(refused.effect).toBeUndefined();
    expect(refused.state).toMatchObject({ prompt: undefined, message: "Cancelled" });
    expect(onKey(state(), "q", 10).effect).toEqual({ type: "quit" });
  });
});

describe("the screen", () => {
  const plain = (lines: string[]) => lines.map((line) => Bun.stripANSI(line).trimEnd());

  test("fits 80 columns and as many rows as there are", () => {
    const many = Array.from({ length: 500 }, (_, index) =>
      agent(`a-host-with-quite-a-long-name-${index}`, {
        latency_ms: 1234.5,
        memory_usage: "1023.9GB",
      }),
    );
    const lines = buildScreen(
      state({ agents: many, selected: "a-host-with-quite-a-long-name-499" }),
      { columns: 80, rows: 24 },
      now,
    );
    expect(lines).toHaveLength(24);
    expect(Math.max(...plain(lines).map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("shows who is there, what is sorted by, and who is chosen", () => {
    const last_outcome = {
      outcome: "failed",
      code: "TIMEOUT",
      at: "2026-01-01T00:00:48Z",
    } as const;
    const agents = [...fleet, agent("z", { last_outcome, hostname: "z.example", os: "linux" })];
    const lines = buildScreen(state({ agents, selected: "z" }), { columns: 80, rows: 9 }, now);
    expect(plain(lines)).toEqual([
      "4 agents: 3 online, 1 offline, 1 busy",
      "AGENTv   STATE            CPU   MEMORY   LATENCY  VERSION  OPEN LATEST",
      "db-1     online           90%   900MB    12.5 ms  -        2    -",
      "web-1    online           5%    1.5GB    3 ms     -        0    -",
      "web-2    offline,drained  -     -        -        0.9.0    0    -",
      "z        online           -     -        -        -        0    failed 12s ago",
      "",
      "z  z.example  linux  TIMEOUT",
      "q quit  / filter  s sort  r reverse  p ping  R restart  d drain",
    ]);
    expect(lines[5]).toStartWith("\x1b[7m");
  });

  test("lets nothing of an agent's own through to the terminal", () => {
    const evil = agent("e", { hostname: "\x1b[2Jx", version: "1\x07", labels: { a: "b" } });
    const lines = buildScreen(state({ agents: [evil] }), { columns: 80, rows: 8 }, now);
    expect(lines.join("").replaceAll(/\x1b\[(1|7|22|27)m/g, "")).not.toMatch(/[\x00-\x1f]/);
  });
});

test("without a terminal a line for each change", () => {
  const at = "2026-01-01T00:00:00Z";
  const first = changesBetween(new Map(), fleet, at);
  expect(first.map(({ agent, state }) => `${agent} ${state}`)).toEqual([
    ...["web-1 online", "db-1 online", "web-2 offline,drained"],
  ]);
  const known = new Map(fleet.map((each) => [each.agent_id, each]));
  const last_outcome = { outcome: "success", at: "2026-01-01T00:00:30Z" } as const;
  const next = [agent("web-1", { online: false }), agent("db-1", { last_outcome })];
  expect(changesBetween(known, next, at)).toEqual([
    { at, agent: "web-1", state: "offline" },
    { at: last_outcome.at, agent: "db-1", outcome: "success" },
    { at, agent: "web-2", state: "deleted" },
  ]);
  expect(changesBetween(known, fleet, at)).toEqual([]);
});
