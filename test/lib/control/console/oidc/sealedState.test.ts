import { expect, test } from "bun:test";
import { Seal } from "../../../../../lib/control/console/oidc/sealedState.ts";

test("open() gives back what close() took, and nothing of anybody else's", () => {
  const seal = new Seal();
  const sealed = seal.close({ state: "s" });
  expect(seal.open(sealed)).toEqual({ state: "s" });
  expect(sealed).not.toContain(Buffer.from('"state"').toString("base64url").slice(2, 8));
  expect(new Seal().open(sealed)).toBeUndefined();
  for (const wrong of ["", "x", sealed.slice(0, -2), "A".repeat(200)]) {
    expect(seal.open(wrong)).toBeUndefined();
  }
});

test("open() refuses it with any one byte changed", () => {
  const seal = new Seal();
  const bytes = Buffer.from(seal.close({ nonce: "n" }), "base64url");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(seal.open(changed.toString("base64url"))).toBeUndefined();
  }
});
