import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { capabilitiesJson } from "../../../lib/agent/capabilities.ts";
import { capabilitiesBytesMax } from "../../../lib/protocol/limits.ts";

const entry = (name: string, chars: number) => {
  return { name, parameters: { description: "x".repeat(chars) } };
};

describe("a capabilities list's text", () => {
  test("is known by its SHA-256", () => {
    const { digest, text } = capabilitiesJson([entry("a", 1)]);
    expect(JSON.parse(text)).toEqual([entry("a", 1)]);
    expect(digest).toBe(createHash("sha256").update(text).digest("hex"));
  });

  test("leaves out the longest schemas where all is too much, and names every command", () => {
    const { text } = capabilitiesJson([entry("a", 20_000), entry("b", 25_000), entry("c", 10)]);
    expect(text.length).toBeLessThanOrEqual(capabilitiesBytesMax);
    expect(JSON.parse(text)).toEqual([entry("a", 20_000), { name: "b" }, entry("c", 10)]);
  });

  test("ends where even the names are too many", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => ({ name: `command-${index}` }));
    const { text } = capabilitiesJson(many);
    expect(text.length).toBeLessThanOrEqual(capabilitiesBytesMax);
    expect(JSON.parse(text)[0]).toEqual({ name: "command-0" });
  });
});
