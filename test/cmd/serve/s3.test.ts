import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import process from "node:process";
import { parseS3 } from "../../../cmd/serve/s3.ts";

describe("the flags of an S3-compatible store", () => {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
  const before = names.map((name) => process.env[name]);
  beforeEach(() => {
    for (const name of names) process.env[name] = "x";
  });
  afterEach(() =>
    names.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    }),
  );
  const of = (url: string | undefined, more: object = {}) =>
    parseS3({ "s3-url": url, "s3-region": "us-east-1", ...more });

  test.each([
    ["https://s3.example/bucket", "https://s3.example/bucket"],
    ["https://s3.example:9000/bucket/a/b/", "https://s3.example:9000/bucket/a/b"],
    ["http://127.0.0.1:9000/bucket", "http://127.0.0.1:9000/bucket"],
    ["http://localhost/bucket", "http://localhost/bucket"],
  ])("%s is a store", (url, taken) => {
    expect(of(url)?.url).toBe(taken);
  });

  test.each([
    "bucket",
    "https://s3.example",
    "https://s3.example/",
    "https://s3.example/a b",
    "https://s3.example/a//b",
    "https://s3.example/%2e%2e",
    "https://id:secret@s3.example/bucket",
    "https://s3.example/bucket?x=1",
    "ftp://s3.example/bucket",
    "s3://bucket",
    "http://s3.example/bucket",
  ])("S3 flags: %s is not a store URL", (url) => {
    expect(() => of(url)).toThrow(/--s3-url/);
    expect(() => of(url)).not.toThrow(/secret/);
  });

  test("plaintext beyond this host must be asked for", () => {
    const url = "http://s3.example/bucket";
    expect(of(url, { "insecure-plaintext": true })?.url).toBe(url);
  });

  test("credentials are wanted at once, and a region by its name", () => {
    expect(() => of("https://s3.example/b", { "s3-region": "EU Central" })).toThrow(/--s3-region/);
    expect(() => of(undefined, { "s3-credentials-file": "x" })).toThrow(/--s3-url/);
    expect(of(undefined)).toBeUndefined();
    delete process.env.AWS_ACCESS_KEY_ID;
    expect(() => of("https://s3.example/b")).toThrow(/AWS_ACCESS_KEY_ID/);
  });
});
