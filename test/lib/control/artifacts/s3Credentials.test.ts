import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  credentialsFromEnv,
  credentialsFromFile,
  readProfile,
} from "../../../../lib/control/artifacts/s3Credentials.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

describe("credentialsFromEnv()", () => {
  const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };

  test("takes the usual variables", () => {
    expect(credentialsFromEnv(env)).toEqual({ accessKeyId: "id", secretAccessKey: "secret" });
    expect(credentialsFromEnv({ ...env, AWS_SESSION_TOKEN: "session" })).toEqual({
      accessKeyId: "id",
      secretAccessKey: "secret",
      sessionToken: "session",
    });
  });

  test.each<Record<string, string>>([
    {},
    { AWS_ACCESS_KEY_ID: "id" },
    { ...env, AWS_SECRET_ACCESS_KEY: "" },
  ])("says what is missing in %p", (wrong) => {
    expect(() => credentialsFromEnv(wrong)).toThrow(/AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
  });
});

test("readProfile() reads one section of an INI file", () => {
  const text = `# a comment
[other]
aws_access_key_id = wrong
[ default ]
; another
AWS_Access_Key_Id=id
aws_secret_access_key =  se=cret==
region = eu-west-1
[later]
aws_secret_access_key = wrong
`;
  expect(readProfile(text, "default")).toEqual({
    aws_access_key_id: "id",
    aws_secret_access_key: "se=cret==",
    region: "eu-west-1",
  });
  expect(readProfile(text.replaceAll("\n", "\r\n"), "other")).toEqual({
    aws_access_key_id: "wrong",
  });
  expect(readProfile(text, "nobody")).toEqual({});
});

describe("credentialsFromFile()", () => {
  const dir = temporaryDir();
  afterAll(() => dir[Symbol.dispose]());
  const file = (text: string, mode = 0o600) => {
    const path = join(dir, "credentials");
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const text = "[default]\naws_access_key_id = id\naws_secret_access_key = secret\n";

  test("takes the default profile of a file that is its owner's alone", () => {
    const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
    expect(credentialsFromFile(file(text))).toEqual(credentials);
    expect(credentialsFromFile(file(text, 0o400))).toEqual(credentials);
    for (const mode of [0o640, 0o604, 0o620]) {
      expect(() => credentialsFromFile(file(text, mode))).toThrow(/chmod 600/);
    }
  });

  test("says what is wrong, and never what is in the file", () => {
    expect(() => credentialsFromFile(join(dir, "missing"))).toThrow(/cannot read .*missing/);
    expect(() => credentialsFromFile(file(text.replace("default", "prod")))).toThrow(/\[default\]/);
    try {
      credentialsFromFile(file("[default]\naws_secret_access_key = secret\n"));
    } catch (error) {
      expect(String(error)).not.toContain("= secret");
    }
  });
});
