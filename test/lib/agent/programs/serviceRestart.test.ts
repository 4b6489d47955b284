import { describe, expect, test } from "bun:test";
import { parseService } from "../../../../lib/agent/programs/serviceRestart.ts";

describe("parseService()", () => {
  test.each<[string, string[][]]>([
    [
      'unit = "nginx.service"',
      [
        ["systemctl", "restart", "--", "nginx.service"],
        ["/bin/sh", "-c", expect.stringContaining("ActiveState"), "sh", "nginx.service"],
      ],
    ],
    ['restart = ["/bin/ctl", "restart"]', [["/bin/ctl", "restart"]]],
    ['stop = ["a"]\nstart = ["b", "c"]', [["a"], ["b", "c"]]],
  ])("reads %j", (text, steps) => {
    expect(parseService("nginx.toml", text)).toEqual({ name: "nginx", steps });
  });

  test.each([
    ["", 'must have either "unit"'],
    ['stop = ["a"]', 'must have either "unit"'],
    ['unit = "a"\nrestart = ["b"]', 'must have either "unit"'],
    ['unit = "--now"', "unit must be the name of a systemd unit"],
    ['unit = "a b"', "unit must be the name of a systemd unit"],
    ["restart = []", "restart must name a program"],
    ['command = "x"', "command is unknown"],
    ["unit =", "is not valid TOML"],
  ])("refuses %j", (text, says) => {
    expect(() => parseService("nginx.toml", text)).toThrow(`nginx.toml: ${says}`);
  });
});
