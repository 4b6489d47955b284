import { describe, expect, test } from "bun:test";
import { isAllowed, parseExec } from "../../../../lib/agent/programs/exec.ts";

describe("isAllowed()", () => {
  test.each<[string, string[], boolean]>([
    ["df", ["df"], true],
    ["df", ["df", "-h"], false],
    ["df *", ["df", "-h"], true],
    ["df *", ["df"], false],
    ["df *", ["df", "-h", "/"], false],
    ["df **", ["df"], true],
    ["df **", ["df", "-h", "/", "; rm -rf /"], true],
    ["df **", ["dfx"], false],
    ["**", ["anything", "at all"], true],
    ["systemctl status *.service", ["systemctl", "status", "nginx.service"], true],
    ["systemctl status *.service", ["systemctl", "stop", "nginx.service"], false],
    ["systemctl status *.service", ["systemctl", "status", "nginx.service", "--now"], false],
    ["cat /var/log/*.log", ["cat", "/var/log/a b.log"], true],
    ["cat /var/log/*.log", ["cat", "/etc/shadow"], false],
    ["a*b*c", ["abc"], true],
    ["a*b*c", ["a1b2c"], true],
    ["a*b*c", ["acb"], false],
    ["ab*ba", ["aba"], false],
    ["*a*", ["bab"], true],
    ["(a+)+$", ["aaaa"], false],
    ["", [""], false],
    ["** x", ["y", "x"], true],
  ])("%j on %j: %p", (pattern, argv, expected) => {
    expect(isAllowed([pattern], argv)).toBe(expected);
  });

  test("is false where nothing is allowed, true where one of several patterns fits", () => {
    expect(isAllowed([], ["df"])).toBe(false);
    expect(isAllowed(["uptime", "df"], ["df"])).toBe(true);
  });
});

describe("parseExec()", () => {
  test("fills in standard input", () => {
    const exec = { argv: ["df", "a b", ""], stdin: "" };
    expect(parseExec({ argv: ["df", "a b", ""] })).toEqual({ exec });
  });

  test.each([
    [{}, "argv is missing"],
    [{ argv: "df -h" }, "argv must be"],
    [{ argv: [] }, "argv must name a program"],
    [{ argv: [""] }, "argv must name a program"],
    [{ argv: ["df", 1] }, "argv.1 must be"],
    [{ argv: ["df", "\0"] }, "argv.1 must not contain a NUL"],
    [{ argv: ["df"], shell: true }, "shell is unknown"],
    [{ argv: ["df"], directory: "here" }, "directory must be an absolute path"],
    ["df", "must be an object"],
  ])("refuses %j", (parameters, says) => {
    const { fault } = parseExec(parameters) as { fault?: string };
    expect(fault).toContain(says);
  });
});
