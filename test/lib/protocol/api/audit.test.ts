import { describe, expect, test } from "bun:test";
import {
  appendToChain,
  ChainCheck,
  firstHash,
  parseAuditHead,
} from "../../../../lib/protocol/api/audit.ts";

const chain: { sequence: number; text: string; hash: string }[] = [];
for (const text of ["one", "two", "three"]) {
  const hash = appendToChain(chain.at(-1)?.hash ?? firstHash, text);
  chain.push({ sequence: chain.length + 1, text, hash });
}

function verdictOf(records: typeof chain, anchor?: { sequence: number; hash: string }) {
  const check = new ChainCheck(anchor);
  for (const { sequence, text, hash } of records) check.take(sequence, text, hash);
  return check.verdict();
}

describe("a chain of records", () => {
  const [one, two, three] = chain as [(typeof chain)[0], (typeof chain)[0], (typeof chain)[0]];

  test("is whole as it was written, and names its head", () => {
    expect(verdictOf(chain)).toEqual({ intact: true, head: { sequence: 3, hash: three.hash } });
    expect(verdictOf([])).toEqual({ intact: true, head: { sequence: 0, hash: firstHash } });
  });

  test.each([
    ["one is missing", [one, three], 2],
    ["the first is missing", [two, three], 1],
    ["one was changed", [one, { ...two, text: "TWO" }, three], 2],
    ["one has another hash", [one, { ...two, hash: one.hash }, three], 2],
    ["two have changed places", [one, three, two], 2],
    ["one was put in", [one, two, { ...two, sequence: 3 }], 3],
    [
      "one was changed with its own hash, but not what follows",
      [one, { sequence: 2, text: "TWO", hash: appendToChain(one.hash, "TWO") }, three],
      3,
    ],
  ])("is broken where %s", (_what, records, sequence) => {
    expect(verdictOf(records)).toMatchObject({ intact: false, sequence });
  });

  test("audit chain: a stored head detects a truncated or rewritten chain", () => {
    const head = { sequence: 3, hash: three.hash };
    expect(verdictOf(chain, head)).toMatchObject({ intact: true });
    expect(verdictOf([one, two], head)).toMatchObject({ intact: false, sequence: 3 });
    expect(verdictOf(chain, { ...head, hash: one.hash })).toMatchObject({ intact: false });
  });

  test("has a head that reads as text", () => {
    expect(parseAuditHead(`3:${three.hash}`)).toEqual({ sequence: 3, hash: three.hash });
    for (const text of ["", "3", `x:${three.hash}`, "3:abc", `3:${three.hash}0`]) {
      expect(parseAuditHead(text)).toBeUndefined();
    }
  });
});
