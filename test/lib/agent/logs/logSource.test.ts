import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parseSource, Source } from "../../../../lib/agent/logs/logSource.ts";
import { ManifestDirectory } from "../../../../lib/agent/manifests/manifestDirectory.ts";
import { silentLog } from "../../../../lib/log/log.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

describe("a source's manifest", () => {
  test.each([
    ['files = ["/var/log/nginx/*.log"]', { kind: "files", files: ["/var/log/nginx/*.log"] }],
    ['unit = "nginx.service"', { kind: "journal", unit: "nginx.service" }],
    ["journal = true", { kind: "journal" }],
    ['argv = ["docker", "logs", "web"]', { kind: "command", argv: ["docker", "logs", "web"] }],
    [
      'description = "d"\nargv = ["a"]\nfollow_argv = ["a", "-f"]',
      { description: "d", kind: "command", argv: ["a"], follow_argv: ["a", "-f"] },
    ],
  ])("%s", (text, source) => {
    const read = parseSource("web-1.toml", text);
    expect(read as object).toEqual({ name: "web-1", ...source });
    // As it travels to the process that reads it.
    expect(v.parse(Source, JSON.parse(JSON.stringify(read)))).toEqual(read);
  });

  test.each([
    ["", /must have exactly one of "files", "unit", "journal" and "argv"/],
    ['files = ["/a"]\nunit = "b"', /must have exactly one of/],
    ['files = ["a"]', /files.0 must be an absolute path/],
    ["files = []", /files must name a file/],
    ["journal = false", /journal must be true, or omitted/],
    ['unit = "*"', /unit must be the name of a systemd unit/],
    ['unit = "-x"', /unit must be the name of a systemd unit/],
    ['files = ["/a"]\nfollow_argv = ["x"]', /follow_argv goes with "argv" alone/],
    ["argv = []", /argv must name a program/],
    ['file = "/a"', /file is unknown/],
    ["files = [", /is not valid TOML/],
  ])("%p is refused", (text, fault) => {
    expect(() => parseSource("x.toml", text)).toThrow(fault);
  });

  test("is found in a directory of them by its name", () => {
    using dir = temporaryDir();
    writeFileSync(join(`${dir}`, "app.toml"), 'files = ["/var/log/app.log"]');
    writeFileSync(join(`${dir}`, "Bad Name.toml"), "journal = true");
    const sources = new ManifestDirectory(`${dir}`, parseSource, [], silentLog);
    expect(sources.find("app")?.item).toMatchObject({ name: "app", kind: "files" });
    expect(sources.list().find(({ fault }) => fault !== undefined)?.fault).toMatch(/its name must/);
  });
});
