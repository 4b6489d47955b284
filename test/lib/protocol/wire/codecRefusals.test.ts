import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { requestIdCharsMax } from "../../../../lib/protocol/limits.ts";
import { formatIssue } from "../../../../lib/protocol/schemaError.ts";
import {
  type DecodeError,
  decodeFromAgent,
  decodeFromControl,
} from "../../../../lib/protocol/wire/codec.ts";

type Path = readonly [string, ...string[]];

const at = "2025-02-24T12:34:56Z";
const id = "own-id";
const directions = { agent: decodeFromAgent, control: decodeFromControl };

/** The least of each message that is right. */
const least = {
  heartbeat: { type: "heartbeat", timestamp: at, payload: {} },
  status_update: {
    type: "status_update",
    timestamp: at,
    payload: { cpu_usage: "30%", memory_usage: "1.5GB" },
  },
  response: { type: "response", request_id: id, timestamp: at, payload: { status: "success" } },
  error: { type: "error", timestamp: at, payload: { code: "TIMEOUT", message: "too late" } },
  hello: {
    type: "hello",
    timestamp: at,
    payload: { protocol_version: 1, version: "1.2.3", journal_id: "j", epoch: 3, instance_id: "i" },
  },
  command: { type: "command", request_id: id, timestamp: at, payload: { command: "ping" } },
  welcome: {
    type: "welcome",
    timestamp: at,
    payload: {
      protocol_version: 1,
      agent_id: "web-1",
      journal_id: "j",
      epoch: 4,
      heartbeat_seconds: 15,
      reconnect_seconds: 5,
    },
  },
  ack: { type: "ack", request_id: id, timestamp: at, payload: {} },
  cancel: { type: "cancel", request_id: "r", timestamp: at, payload: {} },
  goaway: { type: "goaway", timestamp: at, payload: { retry_after_seconds: 5 } },
} as const;
type Type = keyof typeof least;

const fromAgent: Type[] = ["heartbeat", "status_update", "response", "error", "hello"];
const fromControl: Type[] = ["command", "error", "welcome", "ack", "cancel", "goaway"];
const senders = [
  ...fromAgent.map((type) => ["agent", type] as const),
  ...fromControl.map((type) => ["control", type] as const),
];

function refusalOf(
  sender: keyof typeof directions,
  value: unknown,
  isExtended = true,
): DecodeError {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const { refusal } = directions[sender](text, { isExtended });
  if (refusal === undefined) throw new Error(`accepted: ${text}`);
  return refusal;
}

/** The message with one field replaced, or left out for `undefined`. */
function withField(message: object, path: Path, value: unknown): object {
  const [name, ...inner] = path;
  const below = (message as Record<string, object>)[name] ?? {};
  const next = inner.length === 0 ? value : withField(below, inner as unknown as Path, value);
  return { ...message, [name]: next };
}

/** Every field that is there, as paths; all of them are required. */
function fieldsOf(message: object, above: string[] = []): Path[] {
  return Object.entries(message).flatMap(([name, value]) => {
    const path = [...above, name] as unknown as Path;
    return typeof value === "object" ? [path, ...fieldsOf(value, [...path])] : [path];
  });
}

/** Of nothing, null, [], {}, 1 and true: those that this field must not be. */
function wrongFor(message: object, path: Path): unknown[] {
  const right = path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown>)[key],
    message,
  );
  // The payload of a heartbeat or an ack is any object.
  const isAnyObject = typeof right === "object" && Object.keys(right ?? {}).length === 0;
  return [undefined, null, [], {}, 1, true].filter((value) => {
    if (isAnyObject) return JSON.stringify(value) !== "{}";
    return typeof value !== typeof right || typeof right === "object";
  });
}

describe("decodeFromAgent() and what is no JSON object", () => {
  const notJson = [
    ...["", " ", "\n", "{", "}", "nul", "hello", "{} {}", "[1", '{"a":1}}', "\ufeff{}"],
    ...["{'type':'heartbeat'}", '{"a":NaN}', '{"a":Infinity}', '{"a":1,}', "[1,]", "{a:1}"],
    ...[
      '{"a":01}',
      '{"a":.5}',
      '{"a":+1}',
      '"\n"',
      "// x\n{}",
      "undefined",
      "\u0000",
      '{"a":"\\x"}',
    ],
  ];
  test.each(notJson)("refuses %j", (text) => {
    expect(refusalOf("agent", text)).toEqual({
      code: "MALFORMED",
      text: "message is not JSON",
      requestId: "unknown",
      answer: true,
    });
  });

  test("refuses a byte order mark before a message that is right", () => {
    const text = `\ufeff${JSON.stringify(least.heartbeat)}`;
    expect(refusalOf("agent", text).text).toBe("message is not JSON");
  });

  test.each(["[]", '"x"', "42", "null", "true", "false", "[{}]"])("refuses %s", (text) => {
    for (const sender of ["agent", "control"] as const) {
      expect(refusalOf(sender, text)).toEqual({
        code: "MALFORMED",
        text: "message must be a JSON object",
        requestId: "unknown",
        answer: true,
      });
    }
  });
});

describe("decodeFromAgent() and decodeFromControl() name the field that is wrong", () => {
  for (const [sender, type] of senders) {
    test(`take the least ${type} from the ${sender}`, () => {
      const { message } = directions[sender](JSON.stringify(least[type]), { isExtended: true });
      expect(message as unknown).toEqual(least[type]);
    });

    test.each(fieldsOf(least[type]).map((path) => [path.join("."), path] as const))(
      `refuse a ${type} by its %s, which is missing or of another type`,
      (name, path) => {
        for (const value of wrongFor(least[type], path)) {
          const { code, text } = refusalOf(sender, withField(least[type], path, value));
          expect([value, code]).toEqual([value, "MALFORMED"]);
          expect(text).toMatch(new RegExp(`^(?:payload\\.)?${path.at(-1)}\\b`));
          if (value === undefined && name !== "type") expect(text).toBe(`${name} is missing`);
        }
      },
    );

    test(`never echo what came in a field of a ${type}`, () => {
      const marker = "e3b0c442";
      const values = [{ [marker]: marker }, [marker], `${marker}\u0000`, marker.repeat(3000)];
      for (const path of fieldsOf(least[type])) {
        for (const value of values) {
          const text = JSON.stringify(withField(least[type], path, value));
          const { refusal } = directions[sender](text, { isExtended: true });
          expect(refusal?.text ?? "").not.toContain(marker);
          expect(refusal?.requestId ?? "").not.toContain(marker);
        }
      }
    });
  }
});

describe("decodeFromAgent() and decodeFromControl() know types and directions", () => {
  const unknown = ["", "x", "Heartbeat", "HEARTBEAT", "heartbeat ", "constructor", "__proto__"];
  test.each([...unknown, "toString", "hasOwnProperty"])("an unknown type: %j", (type) => {
    for (const sender of ["agent", "control"] as const) {
      for (const v1 of [true, false]) {
        const message = { type, request_id: id, timestamp: at, payload: {} };
        expect(refusalOf(sender, message, v1)).toEqual({
          code: "UNSUPPORTED_TYPE",
          text: "message type is unknown",
          requestId: id,
          answer: true,
        });
      }
    }
  });

  const wrongWay = [
    ...fromControl.filter((type) => type !== "error").map((type) => ["agent", type] as const),
    ...fromAgent.filter((type) => type !== "error").map((type) => ["control", type] as const),
  ];
  const ofStandard = ["command", "status_update", "heartbeat", "response"];

  test.each(wrongWay)("the %s may not send a %s", (sender, type) => {
    expect(refusalOf(sender, least[type]).code).toBe("FORBIDDEN");
    const withoutV1 = ofStandard.includes(type) ? "FORBIDDEN" : "UNSUPPORTED_TYPE";
    expect(refusalOf(sender, least[type], false).code).toBe(withoutV1);
  });

  test.each([
    ["agent", "hello"],
    ["control", "welcome"],
    ["control", "ack"],
    ["control", "goaway"],
  ] as const)("from the %s, %s is unknown without wsctl.v1", (sender, type) => {
    expect(refusalOf(sender, least[type], false).code).toBe("UNSUPPORTED_TYPE");
  });
});

describe("a codec refusal contains the request id and whether it is answered", () => {
  test.each([
    ["own-id", "own-id"],
    ["ids may have spaces", "ids may have spaces"],
    ["x".repeat(requestIdCharsMax), "x".repeat(requestIdCharsMax)],
    ["x".repeat(requestIdCharsMax + 1), "unknown"],
    ["", "unknown"],
    ["   ", "unknown"],
    ["a\nb", "unknown"],
    ["a\u0000b", "unknown"],
    ["a\u202eb", "unknown"],
    [7, "unknown"],
    [null, "unknown"],
    [{}, "unknown"],
    [["a"], "unknown"],
    [undefined, "unknown"],
  ])("for the request id %j it names %j", (given, named) => {
    for (const type of [1, "x", "command", "response"]) {
      expect(refusalOf("agent", { type, request_id: given, payload: {} }).requestId).toBe(named);
    }
  });

  test("a broken error message is never answered", () => {
    for (const [sender] of senders) {
      expect(refusalOf(sender, { type: "error" }).answer).toBe(false);
      expect(refusalOf(sender, withField(least.error, ["payload", "code"], 1e3)).answer).toBe(
        false,
      );
      expect(refusalOf(sender, { type: "errors" }).answer).toBe(true);
      expect(refusalOf(sender, { type: ["error"] }).answer).toBe(true);
    }
  });
});

describe("formatIssue()", () => {
  const Shape = v.strictObject({
    inner: v.strictObject({ name: v.string(), size: v.optional(v.number("size must be small")) }),
  });
  test.each([
    [{}, "inner is missing"],
    [{ inner: {} }, "inner.name is missing"],
    [{ inner: { name: 5 } }, "inner.name must be a string"],
    [{ inner: { name: "x", size: "secret" } }, "inner.size size must be small"],
    [{ inner: { name: "x", other: "secret" } }, "inner.other is unknown"],
    [{ inner: { name: "x" }, constructor: 1 }, "constructor is unknown"],
  ])("%j: %s", (value, text) => {
    const issue = v.safeParse(Shape, value).issues?.[0];
    expect(issue === undefined ? "" : formatIssue(issue)).toBe(text);
  });
});
