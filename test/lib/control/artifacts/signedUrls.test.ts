import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignedUrls, urlKey } from "../../../../lib/control/artifacts/signedUrls.ts";
import { artifactUrlMs } from "../../../../lib/protocol/limits.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";
import { anArtifact } from "./artifact.ts";

const artifact = anArtifact({ artifactId: "one", bytes: 10 });

function given(url: string) {
  const { searchParams } = new URL(url, "http://here");
  const read = (name: string) => searchParams.get(name) ?? "";
  return { expires: read("expires"), by: read("by"), signature: read("signature") };
}

describe("SignedUrls", () => {
  let now = 1_000_000;
  const urls = new SignedUrls(new Uint8Array(32).fill(7), () => now);

  test("permit what they were made for, until they expire", () => {
    const { url, expiresAt } = urls.make("PUT", artifact, "token");
    expect(url).toStartWith("/artifacts/one?");
    expect(expiresAt).toBe(now + artifactUrlMs);
    expect(urls.permits("PUT", artifact, given(url))).toBe(true);
    now = expiresAt - 1;
    expect(urls.permits("PUT", artifact, given(url))).toBe(true);
    now = expiresAt;
    expect(urls.permits("PUT", artifact, given(url))).toBe(false);
    now = 1_000_000;
  });

  test("permit nothing else", () => {
    const good = given(urls.make("PUT", artifact, "token").url);
    expect(urls.permits("GET", artifact, good)).toBe(false);
    expect(urls.permits("PUT", { ...artifact, artifactId: "two" }, good)).toBe(false);
    expect(urls.permits("PUT", { ...artifact, bytes: 11 }, good)).toBe(false);
    expect(urls.permits("PUT", artifact, { ...good, by: "other" })).toBe(false);
    expect(urls.permits("PUT", artifact, { ...good, expires: `${good.expires}0` })).toBe(false);
    expect(urls.permits("PUT", artifact, { ...good, expires: "Infinity" })).toBe(false);
    expect(urls.permits("PUT", artifact, { ...good, signature: "" })).toBe(false);
    const others = new SignedUrls(new Uint8Array(32).fill(8), () => now);
    expect(others.permits("PUT", artifact, good)).toBe(false);
  });
});

describe("urlKey()", () => {
  const dir = temporaryDir();
  afterAll(() => dir[Symbol.dispose]());
  const path = join(dir, "url.key");

  test("is made once, for its owner alone", () => {
    const key = urlKey(path);
    expect(key.length).toBe(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(urlKey(path)).toEqual(new Uint8Array(readFileSync(path)) as Buffer);
  });

  test("a damaged URL key is replaced by a new one", () => {
    writeFileSync(path, "short");
    expect(urlKey(path).length).toBe(32);
  });
});
