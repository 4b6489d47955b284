/** What a broken or hostile control plane may send as text, and what the agent says to it. */
export interface Junk {
  name: string;
  text: string;
  code: "MALFORMED" | "UNSUPPORTED_TYPE" | "FORBIDDEN";
  /** The id of the error, where the offending message's own could be read. */
  requestId?: string;
}

const timestamp = "2026-01-02T03:04:05Z";
const good = { type: "command", request_id: "junk", timestamp, payload: { command: "ping" } };

function malformed(name: string, text: string): Junk {
  return { name, text, code: "MALFORMED" };
}

function command(name: string, change: object): Junk {
  const value: Record<string, unknown> = { ...good, ...change };
  const requestId = value.request_id === "junk" ? "junk" : "unknown";
  return { name, text: JSON.stringify(value), code: "MALFORMED", requestId };
}

function ofType(type: string, code: Junk["code"], payload: object = {}): Junk {
  const text = JSON.stringify({ type, request_id: "junk", timestamp, payload });
  return { name: `a message of the type ${type}`, text, code, requestId: "junk" };
}

export const junk: readonly Junk[] = [
  malformed("an empty text", ""),
  malformed("a space", " "),
  malformed("half an object", "{"),
  malformed("an array", "[]"),
  malformed("a string", '"ping"'),
  malformed("a number", "42"),
  malformed("null", "null"),
  malformed("two objects", "{} {}"),
  malformed("a byte order mark before an object", `\uFEFF${JSON.stringify(good)}`),
  malformed("an object without a type", "{}"),
  malformed("32,000 brackets", "[".repeat(32_000)),
  malformed("nesting of 40 levels", `{"a":${"[".repeat(40)}${"]".repeat(40)}}`),
  command("no request_id", { request_id: undefined }),
  command("an empty request_id", { request_id: "" }),
  command("a request_id that is a number", { request_id: 7 }),
  command("a request_id of 200 characters", { request_id: "a".repeat(200) }),
  command("a request_id with a line break", { request_id: "a\nb" }),
  command("no timestamp", { timestamp: undefined }),
  command("a timestamp of a day that does not exist", { timestamp: "2026-02-30T00:00:00Z" }),
  command("a timestamp of another zone", { timestamp: "2026-01-02T03:04:05+02:00" }),
  command("no payload", { payload: undefined }),
  command("a payload that is null", { payload: null }),
  command("a payload that is an array", { payload: [] }),
  command("no command", { payload: {} }),
  command("a command that is a number", { payload: { command: 1 } }),
  command("an empty command", { payload: { command: "" } }),
  command("a command with an escape character", { payload: { command: "\u001b[2J" } }),
  command("parameters that are an array", { payload: { command: "ping", parameters: [] } }),
  command("parameters that are text", { payload: { command: "ping", parameters: "x" } }),
  {
    ...command("a number beyond all numbers", {}),
    text: JSON.stringify({ ...good, extra: 0 }).replace(":0}", ":1e999}"),
  },
  {
    ...command("half of a surrogate pair", {}),
    text: JSON.stringify({ ...good, extra: "?" }).replace("?", "\\ud800"),
  },
  { name: "no such type", text: '{"type":"dance"}', code: "UNSUPPORTED_TYPE" },
  {
    name: "a type named like an object's own",
    text: '{"type":"__proto__"}',
    code: "UNSUPPORTED_TYPE",
  },
  ofType("heartbeat", "FORBIDDEN"),
  ofType("status_update", "FORBIDDEN", { cpu_usage: "1%", memory_usage: "1GB" }),
  ofType("response", "FORBIDDEN", { status: "success" }),
  ofType("welcome", "UNSUPPORTED_TYPE"),
  ofType("ack", "UNSUPPORTED_TYPE"),
  ofType("goaway", "UNSUPPORTED_TYPE", { retry_after_seconds: 3600 }),
];
