/** What an address of a control plane means, with and without a path. */
import { expect, test } from "bun:test";
import { joinString, parseJoin } from "../../../../lib/protocol/api/joinString.ts";
import { parseServerAddress } from "../../../../lib/protocol/api/serverAddress.ts";

test.each([
  ["http://h:1", "http://h:1", "ws://h:1/agent"],
  ["https://h/", "https://h", "wss://h/agent"],
  ["https://h/ops/wsctl/", "https://h/ops/wsctl", "wss://h/ops/wsctl/agent"],
  ["wss://h:1", "https://h:1", "wss://h:1/agent"],
  ["wss://h/agent", "https://h", "wss://h/agent"],
  ["wss://h/wsctl/agent", "https://h/wsctl", "wss://h/wsctl/agent"],
  ["ws://h/any/path", "http://h/any/path", "ws://h/any/path"],
  ["https://[2001:db8::5]:1/x", "https://[2001:db8::5]:1/x", "wss://[2001:db8::5]:1/x/agent"],
])("%s: API at %s, agents at %s", (text, url, agentUrl) => {
  expect(parseServerAddress(text)).toEqual({ url, agentUrl });
});

test.each([
  ...["h:1", "ftp://h", "http://", "https://h/x?y=1", "https://h/x#y", "https://user:word@h"],
  ...["https://h:99999", "https://2001:db8::5:1"],
])("%s is none", (text) => {
  expect(parseServerAddress(text)).toBeUndefined();
});

test("a join string keeps the path", () => {
  const token = `wsctl-${"0".repeat(12)}-${"1".repeat(64)}`;
  const url = "https://ops.example.com/wsctl";
  expect(parseJoin(joinString({ url, token }))).toEqual({ url, token });
});
