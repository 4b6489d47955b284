/** What the fuzzer starts from: messages and bodies that are right, of every kind. */
import type { Random } from "../sim/random.ts";

export type Kind = "agent" | "control" | "job" | "token";

/** Requests that the cores under test know, by the agent they are for. */
export const knownRequests: Readonly<Record<string, readonly string[]>> = {
  alpha: ["alpha-1", "alpha-2", "alpha-3", "alpha-4"],
  beta: ["beta-1", "beta-2", "beta-3"],
  gamma: ["gamma-1", "gamma-2"],
};
const knownIds = Object.values(knownRequests).flat();

export const timestamps = [
  "2026-01-02T03:04:05Z",
  "2026-01-02T03:04:05.067Z",
  "2026-01-02T03:04:05.123456789Z",
  "2026-01-02T03:04:05.9+00:00",
  "2024-02-29T23:59:59Z",
  "2000-02-29T00:00:00Z",
  "0000-01-01T00:00:00Z",
  "0099-12-31T23:59:59Z",
  "9999-12-31T23:59:59.999999999Z",
  "1969-12-31T23:59:59.5Z",
];

/** Among them characters that some tables of Unicode do not know yet as letters or signs. */
export const texts = [
  "done",
  "",
  " ",
  "Überfall-😀",
  "日本語",
  "line\nbreak\ttab",
  "\u0000\u001b[31mred",
  "\u202egnp.exe",
  '"\\/',
  "</script>",
  "__proto__",
  "e\u0301",
  "👩‍👩‍👧",
  "\u1e9e",
  "\u088f",
];

const errorCodes = ["MALFORMED", "INTERRUPTED", "EXPIRED", "TIMEOUT", "BUSY", "MY_OWN", "ÄÖ"];
const commandNames = ["ping", "ping", "ping", "info", "restart", "nope", "constructor", "rm -rf /"];

/** Any JSON value, small, and with every kind in it. */
export function anyValue(random: Random, depth = 0): unknown {
  switch (random.int(0, depth > 3 ? 4 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick([0, 1, -1, 0.1, 1e21, 5e-324, 2 ** 53, -1.5e-7, random.int(-999, 999)]);
    case 3:
    case 4:
      return random.pick(texts);
    case 5:
      return Array.from({ length: random.int(0, 3) }, () => anyValue(random, depth + 1));
    default:
      return anyObject(random, depth + 1);
  }
}

function anyObject(random: Random, depth = 0): Record<string, unknown> {
  const keys = ["a", "b", "", "0", "10", "constructor", "toString", "ключ", "type"];
  const entries = Array.from({ length: random.int(0, 3) }, () => [
    random.pick(keys),
    anyValue(random, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

export function requestId(random: Random): string {
  if (random.chance(0.6)) return random.pick(knownIds);
  if (random.chance(0.5)) return `request-${random.int(0, 30)}`;
  return random.pick(["123456", "Über-😀", "__proto__", "0", "x".repeat(128), "{}", "a b", '"']);
}

function agentId(random: Random): string {
  return random.pick(["alpha", "web-1", "host.example.com", "a", "a".repeat(128), "9_9"]);
}

/** With about the given chance an object with this one key, otherwise none. */
function maybe<T>(random: Random, key: string, make: () => T): Record<string, T> {
  return random.chance(0.5) ? { [key]: make() } : {};
}

function seconds(random: Random, least: number, most: number): number {
  return random.pick([least, most, least + 0.5, random.int(least, most)]);
}

type Maker = (random: Random) => Record<string, unknown>;

const envelope = (type: string, random: Random, payload: unknown, id: "always" | "some" | "no") => {
  const hasId = id === "always" || (id === "some" && random.chance(0.5));
  return {
    type,
    ...(hasId ? { request_id: requestId(random) } : {}),
    timestamp: random.pick(timestamps),
    payload,
  };
};

const error: Maker = (random) =>
  envelope(
    "error",
    random,
    { code: random.pick(errorCodes), message: random.pick(texts) },
    random.chance(0.8) ? "always" : "no",
  );

const fromAgent: readonly Maker[] = [
  (random) => envelope("heartbeat", random, random.chance(0.8) ? {} : anyObject(random), "some"),
  (random) =>
    envelope(
      "status_update",
      random,
      {
        cpu_usage: random.pick(["30%", "0 %", "250.5%", "0.1%"]),
        memory_usage: random.pick(["1.5GB", "512 MB", "0KB", "3 TB"]),
      },
      "some",
    ),
  (random) =>
    envelope(
      "response",
      random,
      {
        status: random.pick(["success", "failed"]),
        ...maybe(random, "message", () => random.pick(texts)),
        ...maybe(random, "result", () => anyValue(random)),
      },
      "always",
    ),
  error,
  (random) =>
    envelope(
      "hello",
      random,
      {
        protocol_version: random.int(1, 3),
        version: "0.1.0",
        journal_id: random.pick(["new", "fresh-1", requestId(random)]),
        epoch: random.pick([0, 1, Number.MAX_SAFE_INTEGER, random.int(0, 99)]),
        instance_id: requestId(random),
        ...maybe(random, "hostname", () => random.pick(texts)),
        ...maybe(random, "os", () => "linux"),
        ...maybe(random, "arch", () => "x64"),
      },
      "no",
    ),
];

const fromControl: readonly Maker[] = [
  (random) =>
    envelope(
      "command",
      random,
      {
        command: random.pick(commandNames),
        ...maybe(random, "parameters", () => (random.chance(0.7) ? {} : anyObject(random))),
        ...maybe(random, "timeout_seconds", () => seconds(random, 0, 86_400)),
        ...maybe(random, "expires_at", () => random.pick(timestamps)),
      },
      "always",
    ),
  error,
  (random) =>
    envelope(
      "welcome",
      random,
      {
        protocol_version: random.int(1, 3),
        agent_id: agentId(random),
        journal_id: requestId(random),
        epoch: random.int(0, 9),
        heartbeat_seconds: seconds(random, 1, 3_600),
        reconnect_seconds: seconds(random, 0, 3_600),
      },
      "no",
    ),
  (random) => envelope("ack", random, {}, "always"),
  (random) => envelope("cancel", random, {}, "always"),
  (random) => envelope("goaway", random, { retry_after_seconds: seconds(random, 0, 3_600) }, "no"),
];

const job: Maker = (random) => ({
  command: random.pick(commandNames),
  ...maybe(random, "parameters", () => anyObject(random)),
  target: random.chance(0.2)
    ? { all: true }
    : { agents: Array.from({ length: random.int(1, 7) }, () => agentId(random)) },
  ...maybe(random, "timeout_seconds", () => seconds(random, 1, 86_400)),
  ...maybe(random, "ttl_seconds", () => seconds(random, 1, 604_800)),
});

const token: Maker = (random) =>
  random.chance(0.6)
    ? { role: "agent", agent_id: agentId(random) }
    : { role: random.pick(["operator", "admin"]) };

/** Something right of this kind. */
export function valid(kind: Kind, random: Random): Record<string, unknown> {
  if (kind === "job") return job(random);
  if (kind === "token") return token(random);
  return random.pick(kind === "agent" ? fromAgent : fromControl)(random);
}
