import { expect, test } from "bun:test";
import * as v from "valibot";
import { Hello } from "../../../../lib/protocol/wire/message.ts";
import { protocolVersion, subprotocol, version } from "../../../../lib/protocol/wire/version.ts";

test("version and protocolVersion fit into a hello", () => {
  const memory = { journal_id: "j", epoch: 0, instance_id: "i" };
  const payload = { protocol_version: protocolVersion, version, ...memory };
  const hello = { type: "hello", timestamp: "2026-01-02T03:04:05Z", payload };
  expect(v.is(Hello, hello)).toBe(true);
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

test("subprotocol is a token that an HTTP header may carry", () => {
  expect(subprotocol).toBe("wsctl.v1");
});
