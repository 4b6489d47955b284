/** Validators of others read the machine-readable documents, and agree with the codec. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { decodeFromAgent, decodeFromControl } from "../../lib/protocol/wire/codec.ts";

const folder = new URL("../../docs/schemas/", import.meta.url).pathname;
const read = (name: string) => readFileSync(join(folder, name), "utf8");

function messageCheck(protocol: "standard" | "wsctl.v1", definition: string) {
  const document = JSON.parse(read(`messages-${protocol}.schema.json`));
  const ajv = new Ajv2020({ strict: true, strictRequired: false });
  addFormats(ajv);
  ajv.addSchema(document);
  const check = ajv.getSchema(`${document.$id}#/$defs/${definition}`);
  if (check === undefined) throw new Error(`no definition ${definition}`);
  return check;
}

describe("docs/schemas", () => {
  test("the OpenAPI document passes Redocly without a remark", async () => {
    // Health checks refuse nobody, and a session answers 101.
    const rules = {
      "operation-4xx-response": "off",
      "operation-2xx-response": "off",
    } as const;
    const config = await createConfig({ extends: ["recommended"], rules });
    const source = read("openapi.json");
    const problems = await lintFromString({ source, config, absoluteRef: "/openapi.json" });
    expect(problems.map(({ message, location }) => [message, location[0]?.pointer])).toEqual([]);
  });

  test("the AsyncAPI document of a session passes the parser of AsyncAPI", async () => {
    const text = read("asyncapi-wsctl.client.v1.json");
    const { document, diagnostics } = await new Parser().parse(text);
    const remarks = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
    expect(remarks.map(({ message, path }) => [message, path.join(".")])).toEqual([]);
    const operations = document?.operations().all();
    expect(operations?.map((each) => each.id())).toContain("receiveSubmitMessage");
  });

  test.each(["standard", "wsctl.v1"])(
    "the AsyncAPI document of %s passes the parser of AsyncAPI",
    async (protocol) => {
      const { document, diagnostics } = await new Parser().parse(read(`asyncapi-${protocol}.json`));
      const remarks = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
      expect(remarks.map(({ message, path }) => [message, path.join(".")])).toEqual([]);
      const operations = document
        ?.operations()
        .all()
        .map((each) => each.id());
      expect(operations).toContain("sendCommand");
      expect(operations?.includes("receiveHello")).toBe(protocol === "wsctl.v1");
    },
  );

  test("the documents of the standard have nothing of wsctl.v1", () => {
    for (const name of ["asyncapi-standard.json", "messages-standard.schema.json"]) {
      expect(read(name)).not.toMatch(/expires_at|execution_ms|v1:|[Hh]ello|"result"/);
    }
  });
});

const at = "2026-01-02T03:04:05Z";
const response = (payload: unknown) => ({
  type: "response",
  request_id: "1",
  timestamp: at,
  payload,
});
const status = (cpu_usage: unknown, memory_usage: unknown) => ({
  type: "status_update",
  timestamp: at,
  payload: { cpu_usage, memory_usage },
});

const fromAgent: [string, unknown, boolean][] = [
  ["a heartbeat", { type: "heartbeat", timestamp: at, payload: {} }, true],
  [
    "a heartbeat with fields of its own",
    { type: "heartbeat", timestamp: at, payload: { a: 1 }, b: 2 },
    true,
  ],
  ["a heartbeat without payload", { type: "heartbeat", timestamp: at }, false],
  ["a heartbeat whose payload is a list", { type: "heartbeat", timestamp: at, payload: [] }, false],
  [
    "a time with an offset",
    { type: "heartbeat", timestamp: "2026-01-02T03:04:05+01:00", payload: {} },
    false,
  ],
  [
    "a day that does not exist",
    { type: "heartbeat", timestamp: "2026-02-30T03:04:05Z", payload: {} },
    false,
  ],
  ["a leap second", { type: "heartbeat", timestamp: "2026-12-31T23:59:60Z", payload: {} }, false],
  ["a response", response({ status: "success", message: "done" }), true],
  ["a response with another status", response({ status: "ok" }), false],
  [
    "a response with a long message",
    response({ status: "failed", message: "x".repeat(16_385) }),
    false,
  ],
  [
    "a response without request_id",
    { ...response({ status: "success" }), request_id: undefined },
    false,
  ],
  [
    "a response with an empty request_id",
    { ...response({ status: "success" }), request_id: "" },
    false,
  ],
  [
    "a request_id with a line break",
    { ...response({ status: "success" }), request_id: "a\nb" },
    false,
  ],
  ["a status update", status("30%", "1.5GB"), true],
  ["a status update with spaces", status("30 %", "512 MB"), true],
  ["a status update in numbers", status(30, 1.5), false],
  ["a status update in GiB", status("30%", "1.5GiB"), false],
  [
    "an error without request_id",
    { type: "error", timestamp: at, payload: { code: "A", message: "b" } },
    true,
  ],
  ["an error without code", { type: "error", timestamp: at, payload: { message: "b" } }, false],
  [
    "a command",
    { type: "command", request_id: "1", timestamp: at, payload: { command: "ping" } },
    false,
  ],
];

describe("messages of an agent are valid for the JSON Schema as they are for the codec", () => {
  const check = messageCheck("standard", "AgentMessage");
  test.each(fromAgent)("%s", (_what, message, isValid) => {
    const text = JSON.stringify(message);
    const { refusal } = decodeFromAgent(text, { isExtended: false });
    expect(refusal === undefined).toBe(isValid);
    expect(check(JSON.parse(text))).toBe(isValid);
  });
});

const command = (payload: object) => ({ type: "command", request_id: "1", timestamp: at, payload });
const fromControl: [string, unknown, boolean][] = [
  ["a command", command({ command: "ping", parameters: { a: [1] } }), true],
  ["a command with a timeout", command({ command: "ping", timeout_seconds: 10 }), true],
  ["a command with a negative timeout", command({ command: "ping", timeout_seconds: -1 }), false],
  ["a command whose parameters are a list", command({ command: "ping", parameters: [] }), false],
  ["a command without a name", command({ parameters: {} }), false],
  ["goaway", { type: "goaway", timestamp: at, payload: { retry_after_seconds: 5 } }, true],
  ["goaway without a time", { type: "goaway", timestamp: at, payload: {} }, false],
];

describe("messages of a control plane are valid for the JSON Schema as they are for the codec", () => {
  const check = messageCheck("wsctl.v1", "ControlMessage");
  test.each(fromControl)("%s", (_what, message, isValid) => {
    const text = JSON.stringify(message);
    const { refusal } = decodeFromControl(text, { isExtended: true });
    expect(refusal === undefined).toBe(isValid);
    expect(check(JSON.parse(text))).toBe(isValid);
  });
});
