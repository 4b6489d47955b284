import { describe, expect, test } from "bun:test";
import { depthMax, messageBytesMax } from "../../../../lib/protocol/limits.ts";
import {
  type Decoded,
  decodeFromAgent,
  decodeFromControl,
} from "../../../../lib/protocol/wire/codec.ts";

const standard = { isExtended: false };
const v1 = { isExtended: true };

function accepted<M>(decoded: Decoded<M>): M {
  expect(decoded.refusal).toBeUndefined();
  return decoded.message as M;
}

/** A heartbeat with this text as its payload's only value. */
function heartbeat(value: string): string {
  return `{"type":"heartbeat","timestamp":"2025-02-24T12:36:00Z","payload":{"x":${value}}}`;
}

/** The examples of the communication standard, as they stand there. */
const examples = {
  command: `{
  "type": "command",
  "request_id": "123456",
  "timestamp": "2025-02-24T12:34:56Z",
  "payload": {
    "command": "restart",
    "parameters": {
      "delay_seconds": 10
    }
  }
}`,
  status_update: `{
  "type": "status_update",
  "timestamp": "2025-02-24T12:35:10Z",
  "payload": {
    "cpu_usage": "30%",
    "memory_usage": "1.5GB"
  }
}`,
  heartbeat: `{
  "type": "heartbeat",
  "timestamp": "2025-02-24T12:36:00Z",
  "payload": {}
}`,
  response: `{
  "type": "response",
  "request_id": "123456",
  "timestamp": "2025-02-24T12:35:00Z",
  "payload": {
    "status": "success"
  }
}`,
  error: `{
  "type": "error",
  "request_id": "123456",
  "timestamp": "2025-02-24T12:35:10Z",
  "payload": {
    "code": "INVALID_COMMAND",
    "message": "The command 'shutdown' is not recognized."
  }
}`,
};

describe("the standard's own examples", () => {
  for (const type of ["status_update", "heartbeat", "response", "error"] as const) {
    test.each([standard, v1])(`decodeFromAgent() reads the ${type} as it stands, %j`, (options) => {
      const message = accepted(decodeFromAgent(examples[type], options));
      expect(message as unknown).toEqual(JSON.parse(examples[type]));
    });
  }

  for (const type of ["command", "error"] as const) {
    test.each([standard, v1])(
      `decodeFromControl() reads the ${type} as it stands, %j`,
      (options) => {
        const message = accepted(decodeFromControl(examples[type], options));
        expect(message as unknown).toEqual(JSON.parse(examples[type]));
      },
    );
  }

  test("decodeFromAgent() takes a status update with a request id too", () => {
    const text = examples.status_update.replace("{", '{"request_id":"9",');
    expect(accepted(decodeFromAgent(text, standard))).toMatchObject({ request_id: "9" });
  });

  test("decodeFromAgent() takes an error without a request id", () => {
    const text = examples.error.replace('"request_id": "123456",', "");
    expect("request_id" in accepted(decodeFromAgent(text, standard))).toBe(false);
  });
});

describe("decodeFromAgent() and what JSON leaves open", () => {
  test("ignores unknown fields at the top and inside the payload", () => {
    const text = examples.response
      .replace("{", '{"color":"red",')
      .replace('"status"', '"shape":[1,{"deep":null}], "status"');
    expect(accepted(decodeFromAgent(text, v1)) as unknown).toEqual(JSON.parse(examples.response));
  });

  test("takes the last of duplicate keys", () => {
    const text = examples.response.replace(
      '"status": "success"',
      '"status":"success","status":"failed"',
    );
    expect(accepted(decodeFromAgent(text, v1)).payload).toEqual({ status: "failed" });
    const types = examples.heartbeat.replace("{", '{"type":"command",');
    expect(accepted(decodeFromAgent(types, v1)).type).toBe("heartbeat");
  });

  test("keeps prototype-like keys as plain keys and touches no prototype", () => {
    const hostile =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}';
    const text = examples.command.replace(/\{\s+"delay_seconds": 10\s+\}/, hostile);
    const message = accepted(decodeFromControl(text, v1));
    const { parameters = {} } = message.payload as { parameters?: Record<string, unknown> };
    expect(Object.keys(parameters)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(parameters)).toBe(Object.prototype);
    expect("polluted" in parameters).toBe(false);
    expect("polluted" in {}).toBe(false);
    expect(JSON.stringify(parameters)).toBe(hostile);
  });

  test("does not find a required field in a __proto__ key", () => {
    const text = examples.response.replace(
      '"request_id": "123456"',
      '"__proto__":{"request_id":"1"}',
    );
    expect(decodeFromAgent(text, v1).refusal).toMatchObject({
      code: "MALFORMED",
      text: "request_id is missing",
      requestId: "unknown",
    });
  });

  test("takes any JSON value as the result of a response", () => {
    for (const result of ["null", "false", "0", '""', "[]", "{}", '[{"a":[1.5]}]']) {
      const text = examples.response.replace('"status"', `"result":${result},"status"`);
      expect(accepted(decodeFromAgent(text, v1)).payload).toEqual({
        status: "success",
        result: JSON.parse(result),
      });
    }
  });

  test("takes surrounding white space", () => {
    expect(accepted(decodeFromAgent(` \n\t${examples.heartbeat}\r\n`, v1)).type).toBe("heartbeat");
  });
});

describe("decodeFromAgent() and the limits", () => {
  const fillers = { "of one byte": "a", "of two bytes": "é", "of three": "€", "of four": "😀" };
  const envelope = Buffer.byteLength(heartbeat('""'));

  test.each(Object.entries(fillers))(
    "counts the size in UTF-8 bytes: characters %s",
    (_, filler) => {
      const width = Buffer.byteLength(filler);
      const room = messageBytesMax - envelope;
      const pad = filler.repeat(Math.floor(room / width)) + "a".repeat(room % width);
      const fits = heartbeat(`"${pad}"`);
      expect(Buffer.byteLength(fits)).toBe(65_536);
      accepted(decodeFromAgent(fits, v1));
      const refusal = decodeFromAgent(heartbeat(`"${pad}a"`), v1).refusal;
      expect(refusal).toEqual({
        code: "TOO_LARGE",
        text: "message is over 65536 bytes",
        requestId: "unknown",
        answer: true,
      });
    },
  );

  /** The envelope and its payload are two levels already. */
  function nested(levels: number, open: string, close: string): string {
    return heartbeat(
      open.repeat(levels - 2) + (open === "[" ? "" : "1") + close.repeat(levels - 2),
    );
  }

  test.each([
    ["arrays", "[", "]"],
    ["objects", '{"x":', "}"],
  ])("takes 32 levels of %s and refuses 33", (_, open, close) => {
    expect(depthMax).toBe(32);
    accepted(decodeFromAgent(nested(32, open, close), v1));
    expect(decodeFromAgent(nested(33, open, close), v1).refusal).toEqual({
      code: "MALFORMED",
      text: "message is nested deeper than 32 levels",
      requestId: "unknown",
      answer: true,
    });
  });

  test("codec: rejects deep nesting before parsing", () => {
    expect(decodeFromAgent("[".repeat(60_000), v1).refusal?.text).toContain("deeper than 32");
  });

  test("does not count brackets inside strings, behind escaped quotes either", () => {
    accepted(decodeFromAgent(heartbeat(`"${"[{".repeat(500)}"`), v1));
    accepted(decodeFromAgent(heartbeat(`"\\"${"[".repeat(500)}\\\\"`), v1));
  });

  test.each([
    ["1e999", "a number that is out of range"],
    ["-1e999", "a number that is out of range"],
    ['[{"a":[1e400]}]', "a number that is out of range"],
    ['"\\ud800"', "a string with a lone surrogate"],
    ['"\\udc00 x"', "a string with a lone surrogate"],
    ['{"\\ud83d":1}', "a string with a lone surrogate"],
  ])("refuses what would not survive a round trip: %s", (value, flaw) => {
    expect(decodeFromAgent(heartbeat(value), v1).refusal).toMatchObject({
      code: "MALFORMED",
      text: `message has ${flaw}`,
    });
  });

  test("refuses such a value in an unknown field too, and takes whole surrogate pairs", () => {
    const text = examples.response.replace("{", '{"color":1e999,');
    expect(decodeFromAgent(text, v1).refusal).toMatchObject({
      code: "MALFORMED",
      requestId: "123456",
    });
    accepted(decodeFromAgent(heartbeat('"\\ud83d\\ude00"'), v1));
  });
});
