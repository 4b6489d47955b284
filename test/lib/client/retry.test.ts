/** A call is repeated while its error passes, and its last error is true of all attempts. */
import { describe, expect, test } from "bun:test";
import { withRetry } from "../../../lib/client/retry.ts";
import { type ErrorCode, WsctlError } from "../../../lib/protocol/errors.ts";

/** Makes a call that fails with these codes, one after the other, and then succeeds. */
function failing(...codes: ErrorCode[]) {
  const left = [...codes];
  return async () => {
    const code = left.shift();
    if (code !== undefined) throw new WsctlError(code, code);
    return "answer";
  };
}

describe("withRetry", () => {
  test("repeats after a lost connection, an unconfirmed change and an election", async () => {
    const call = failing("UNREACHABLE", "UNCONFIRMED", "UNAVAILABLE");
    expect(await withRetry(undefined, () => true, call)).toBe("answer");
  });

  test("does not repeat after an error that stays", async () => {
    const call = failing("FORBIDDEN");
    await expect(withRetry(undefined, () => true, call)).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });

  test("reports the unconfirmed attempt, and not the refusal of its repetition", async () => {
    const call = failing("UNCONFIRMED", "UNAVAILABLE");
    const mayRepeat = ({ code }: WsctlError) => code === "UNCONFIRMED";
    await expect(withRetry(undefined, mayRepeat, call)).rejects.toMatchObject({
      code: "UNCONFIRMED",
    });
  });

  test("reports a refusal if no attempt before it may have had its effect", async () => {
    const call = failing("UNAVAILABLE");
    await expect(withRetry(undefined, () => false, call)).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });
});
