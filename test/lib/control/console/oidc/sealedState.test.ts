import { expect, test } from "bun:test";
import { SealedState } from "../../../../../lib/control/console/oidc/sealedState.ts";

test("open() returns what close() took, and nothing that another process has sealed", async () => {
  const seal = new SealedState();
  const sealed = await seal.seal({ state: "s" });
  expect(await seal.open(sealed)).toEqual({ state: "s" });
  expect(sealed).not.toContain(Buffer.from('"state"').toString("base64url").slice(2, 8));
  expect(await new SealedState().open(sealed)).toBeUndefined();
  for (const wrong of ["", "x", sealed.slice(0, -2), "A".repeat(200)]) {
    expect(await seal.open(wrong)).toBeUndefined();
  }
});

test("open() refuses a state with any one byte of its parts changed", async () => {
  const seal = new SealedState();
  const parts = (await seal.seal({ nonce: "n" })).split(".");
  for (const [index, part] of parts.entries()) {
    const bytes = Buffer.from(part, "base64url");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const other = parts.with(index, changed.toString("base64url")).join(".");
      expect(await seal.open(other)).toBeUndefined();
    }
  }
});
