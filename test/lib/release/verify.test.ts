import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { WsctlError } from "../../../lib/protocol/errors.ts";
import { generateKey, readPrivateKey } from "../../../lib/protocol/keys.ts";
import {
  findFile,
  type ReleaseManifest,
  readManifest,
  readSignedRelease,
  type SignedRelease,
  writeManifest,
} from "../../../lib/release/manifest.ts";
import { signManifest, verifyRelease, withSignature } from "../../../lib/release/verify.ts";

const now = Date.parse("2026-03-10T12:00:00Z");
const [a, b, stranger] = [1, 2, 3].map(() => readPrivateKey(generateKey().pem)) as [
  ReturnType<typeof readPrivateKey>,
  ReturnType<typeof readPrivateKey>,
  ReturnType<typeof readPrivateKey>,
];
const keys = [a.publicKey, b.publicKey];
const base: ReleaseManifest = {
  product: "wsctl",
  version: "1.2.3",
  created_at: "2026-03-01T00:00:00Z",
  files: [{ platform: "linux-x64", name: "wsctl-linux-x64", bytes: 5, sha256: "0".repeat(64) }],
};

function release(manifest: string, ...signers: (typeof a)[]): SignedRelease {
  return signers.reduce(withSignature, { manifest, signatures: [] } as SignedRelease);
}

function refusal(signed: SignedRelease, threshold = 1, trusted = keys): string {
  try {
    verifyRelease(signed, { keys: trusted, threshold }, now);
  } catch (error) {
    if (error instanceof WsctlError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

const text = writeManifest(base);

describe("a release", () => {
  test("is trusted when enough trusted keys have signed it", () => {
    const trust = { keys, threshold: 2 };
    const { manifest, signers } = verifyRelease(release(text, a, b, stranger), trust, now);
    expect(manifest).toEqual(base);
    expect(signers).toEqual(keys);
    expect(findFile(manifest, "linux-x64")?.bytes).toBe(5);
    expect(findFile(manifest, "linux-arm64")).toBeUndefined();
  });

  test("release: signatures of untrusted keys are rejected", () => {
    expect(refusal(release(text, stranger))).toBe(
      `FORBIDDEN: Release is not trusted: it has 0 of 1 signatures by trusted keys (${a.publicKey.id} has not signed, ${b.publicKey.id} has not signed; 1 by unknown keys)`,
    );
  });

  test("is not, by one key where two are wanted, however often it signs or is trusted", () => {
    const once = signManifest(text, a);
    const twice = { manifest: text, signatures: [once, once, { ...once }] };
    expect(refusal(twice, 2)).toMatch(/^FORBIDDEN: .* 1 of 2 .*has not signed\)$/);
    expect(refusal(twice, 2, [a.publicKey, a.publicKey])).toMatch(/^USAGE: Invalid threshold 2/);
    expect(refusal(release(text, a, b), 2)).toBe("none");
    expect(release(text, a, a).signatures).toHaveLength(1);
  });

  test("is exactly the bytes that were signed", () => {
    const signed = release(text, a);
    const otherwise = [
      text.replace("1.2.3", "1.2.4"),
      `${text} `,
      JSON.stringify(JSON.parse(text), null, 1),
      JSON.stringify(Object.fromEntries(Object.entries(base).reverse())),
      text.replace('"product"', '"extra":1,"product"'),
    ];
    for (const manifest of otherwise) {
      expect(refusal({ ...signed, manifest })).toMatch(/^FORBIDDEN: .*has an invalid signature/);
    }
  });

  test("is not vouched for by a signature that was altered, or made for something else", () => {
    const { key, signature } = signManifest(text, a);
    const raw = Buffer.from(signature, "base64");
    const flipped = Buffer.from(raw.map((byte, index) => (index === 7 ? byte ^ 1 : byte)));
    const bare = Buffer.from(a.sign(new TextEncoder().encode(text))).toString("base64");
    const forged = [
      flipped.toString("base64"),
      bare,
      "",
      "AAAA",
      `${signature}\n`,
      signature.replace(/=+$/, ""),
      raw.toString("hex"),
      signManifest(text, b).signature,
    ];
    for (const each of forged) {
      const signed = { manifest: text, signatures: [{ key, signature: each }] };
      expect(refusal(signed)).toMatch(/^FORBIDDEN: .*has an invalid signature/);
    }
    // A good one beside it counts.
    expect(
      refusal({
        manifest: text,
        signatures: [
          { key, signature: bare },
          { key, signature },
        ],
      }),
    ).toBe("none");
  });

  test("passes over keys of a kind that it does not know", () => {
    const signed = release(text, a);
    const unknown = { key: "wsctl-mldsa65:AAAA", signature: "what it may be" };
    expect(refusal({ ...signed, signatures: [unknown, ...signed.signatures] })).toBe("none");
  });

  test("expires, and is of one product", () => {
    const until = (expires_at: string) => release(writeManifest({ ...base, expires_at }), a);
    expect(refusal(until("2026-03-10T12:00:01Z"))).toBe("none");
    expect(refusal(until("2026-03-10T12:00:00Z"))).toBe(
      "EXPIRED: Release 1.2.3 expired at 2026-03-10T12:00:00Z",
    );
    expect(refusal(release(writeManifest({ ...base, product: "other" }), a))).toBe(
      'FORBIDDEN: Release is of product "other"; expected wsctl',
    );
  });

  test("that was signed and is none is refused too", () => {
    expect(refusal(release("{}", a))).toMatch(/^MALFORMED: .*product is missing$/);
    expect(refusal(release(JSON.stringify({ ...base, extra: 1 }), a))).toMatch(
      /^MALFORMED: .*extra is unknown$/,
    );
  });

  test("release: a threshold above the number of keys is rejected", () => {
    for (const threshold of [0, -1, 1.5, 3, Number.NaN]) {
      expect(refusal(release(text, a, b), threshold)).toMatch(/^USAGE: Invalid threshold/);
    }
    expect(refusal(release(text, a, b), 1, [])).toMatch(/^USAGE/);
  });
});

describe("a manifest", () => {
  const [file] = base.files;
  test.each([
    [{ version: "1.2" }, /version must be a version such as 1.2.3/],
    [{ created_at: "yesterday" }, /created_at must be a time such as/],
    [{ expires_at: "2026-13-01T00:00:00Z" }, /expires_at must be a valid time/],
    [{ files: [] }, /files must name a file/],
    [{ files: [{ ...file, name: "../wsctl" }] }, /files.0.name must be a file name/],
    [{ files: [{ ...file, name: ".." }] }, /files.0.name must be a file name/],
    [{ files: [{ ...file, sha256: "ABC" }] }, /files.0.sha256 must be 64 hexadecimal digits/],
    [{ files: [{ ...file, bytes: 1.5 }] }, /files.0.bytes must be a whole number/],
    [{ files: [{ ...file, bytes: 0 }] }, /files.0.bytes must be at least 1/],
    [{ files: [{ ...file, platform: "linux" }] }, /files.0.platform must be a platform/],
    [{ files: [file, { ...file, name: "b" }] }, /files must name each platform once/],
    [{ files: [file, { ...file, platform: "linux-arm64" }] }, /files must name each file once/],
  ])("with %j is refused", (wrong, fault) => {
    expect(() => readManifest(JSON.stringify({ ...base, ...wrong }))).toThrow(fault);
  });
});

describe("hostile text", () => {
  test.each([
    ["", /is not JSON/],
    ["null", /must be an object/],
    ["[]", /must be an object|is missing/],
    ["[".repeat(100_000), /is nested too deeply/],
    [`"${"x".repeat(300_000)}"`, /is longer than/],
    ['{"manifest":1,"signatures":[]}', /manifest must be a string/],
    ['{"manifest":"\\ud800","signatures":[]}', /manifest must be well-formed Unicode/],
    ['{"manifest":"x","signatures":{}}', /signatures must be an array/],
    ['{"manifest":"x","signatures":[],"__proto__":{}}', /is unknown|nothing/],
    [JSON.stringify({ manifest: "x", signatures: Array(33).fill({}) }), /signatures/],
    ['{"manifest":"x","signatures":[{"key":"k"}]}', /signatures.0.signature is missing/],
  ])("%.40p is refused", (hostile, fault) => {
    expect(() => readSignedRelease(hostile)).toThrow(fault);
  });

  test("never does more than be refused", () => {
    const property = fc.property(fc.json(), fc.string(), fc.string(), (json, key, signature) => {
      for (const attempt of [json, JSON.stringify({ manifest: json, signatures: [] })]) {
        try {
          readSignedRelease(attempt);
        } catch (error) {
          expect(error).toBeInstanceOf(WsctlError);
        }
      }
      const signatures = [
        { key, signature },
        { key: a.publicKey.text, signature },
      ];
      expect(refusal({ manifest: json, signatures })).toMatch(/^FORBIDDEN/);
    });
    fc.assert(property);
  });
});
