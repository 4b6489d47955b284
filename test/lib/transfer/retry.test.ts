import { describe, expect, test } from "bun:test";
import { errorCodes, WsctlError } from "../../../lib/protocol/errors.ts";
import { controlPlaneFetch, toAbsoluteUrl } from "../../../lib/transfer/apiCall.ts";
import {
  buildHttpFailure,
  HttpFailure,
  unreachable,
  withRetry,
} from "../../../lib/transfer/retry.ts";

const url = new URL("https://store.example/bucket/key?signature=secret");

/** Fails so and so often before it succeeds. */
function failing(times: number, error: unknown) {
  let count = 0;
  return {
    run: async () => {
      if (count++ < times) throw error;
      return count;
    },
    get count() {
      return count;
    },
  };
}

describe("persist()", () => {
  const passing: WsctlError[] = [
    unreachable(url, new Error("reset")),
    new HttpFailure(500, "INTERNAL", "a fault"),
    new HttpFailure(503, "BUSY", "later"),
    new HttpFailure(429, "RATE_LIMITED", "slower"),
    new HttpFailure(409, "CONFLICT", "elsewhere"),
    new HttpFailure(408, "TIMEOUT", "too slow"),
  ];
  for (const error of passing) {
    test(`tries again after what may pass: ${error.message}`, async () => {
      expect(await withRetry({}, failing(1, error).run)).toBe(2);
    });
  }

  const lasting: Error[] = [
    new HttpFailure(400, "MALFORMED", "wrong"),
    new HttpFailure(403, "FORBIDDEN", "not yours"),
    new HttpFailure(404, "NOT_FOUND", "gone"),
    new HttpFailure(413, "TOO_LARGE", "too large"),
    new HttpFailure(422, "CHECKSUM_MISMATCH", "other content"),
    new WsctlError("CONFLICT", "of our own"),
    new Error("a fault of ours"),
  ];
  for (const error of lasting) {
    test(`gives up at once for what does not: ${error.message}`, async () => {
      const once = failing(1, error);
      await expect(withRetry({}, once.run)).rejects.toBe(error);
      expect(once.count).toBe(1);
    });
  }

  test("gives up when nothing moves, or a store stays full", async () => {
    const away = unreachable(url, new Error("refused"));
    await expect(withRetry({ patienceMs: 0 }, failing(99, away).run)).rejects.toBe(away);
    const full = failing(99, new HttpFailure(507, "STORAGE_UNAVAILABLE", "full"));
    await expect(withRetry({}, full.run)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(full.count).toBe(3);
  });

  test("ends with its signal, also in a pause", async () => {
    const abort = new AbortController();
    const run = async () => {
      setTimeout(() => abort.abort(new Error("left")), 5);
      throw unreachable(url, new Error("refused"));
    };
    await expect(withRetry({ signal: abort.signal }, run)).rejects.toThrow();
  });
});

describe("buildHttpFailure()", () => {
  test("says what the other side said, in its own words where they are ours", () => {
    const body = JSON.stringify({ error: { code: "BUSY", message: "later" } });
    expect(buildHttpFailure(503, body, url)).toMatchObject({
      status: 503,
      code: "BUSY",
      message: "later",
    });
    const xml = "<Error><Code>SignatureDoesNotMatch</Code><Message>…</Message></Error>";
    const refusal = buildHttpFailure(403, xml, url);
    expect(refusal).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(refusal.message).toBe("https://store.example responded 403 SignatureDoesNotMatch");
    expect(Object.keys(errorCodes)).toContain(buildHttpFailure(500, "\0", url).code);
  });

  test("never shows a signed URL", () => {
    expect(buildHttpFailure(500, "", url).message).not.toContain("secret");
    expect(unreachable(url, new Error("reset")).message).not.toContain("secret");
  });
});

describe("the URL of a transfer", () => {
  const base = "https://cp.example:7420";

  test("decides who is trusted", async () => {
    const used: (string | undefined)[] = [];
    const fetchWith = ({ ca }: { ca?: string }) => {
      const call = async () => {
        used.push(ca);
        return new Response();
      };
      return Object.assign(call, { preconnect: fetch.preconnect });
    };
    const choose = controlPlaneFetch(fetchWith, base, { ca: "own" });
    for (const own of ["/artifacts/x?y", `${base}/artifacts/x`]) {
      await choose(toAbsoluteUrl(own, base).href);
    }
    for (const other of ["http://cp.example:7420/x", "https://cp.example/x"]) {
      await choose(toAbsoluteUrl(other, base).href);
    }
    expect(used).toEqual(["own", "own", undefined, undefined]);
  });

  test("is below the path of the control plane", () => {
    expect(toAbsoluteUrl("/artifacts/x?y", `${base}/ops`).href).toBe(`${base}/ops/artifacts/x?y`);
    expect(toAbsoluteUrl("//elsewhere/x", base).origin).toBe(base);
  });

  test("is one of HTTP", () => {
    expect(toAbsoluteUrl("/artifacts/x?y", base).href).toBe(`${base}/artifacts/x?y`);
    for (const wrong of ["file:///etc/passwd", "data:,x", "https://", "javascript:1"]) {
      expect(() => toAbsoluteUrl(wrong, base)).toThrow(/Cannot use the URL/);
    }
  });
});
