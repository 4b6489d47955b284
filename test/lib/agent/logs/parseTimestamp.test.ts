import { describe, expect, test } from "bun:test";
import { parseTimestamp } from "../../../../lib/agent/logs/parseTimestamp.ts";

const reference = Date.parse("2026-03-10T12:00:00Z");
/** Of a time that the line gives without its zone: the host's, which tests cannot choose. */
const local = (text: string) => new Date(text).getTime();
const at = (text: string) => Date.parse(text);

const lines: [line: string, time: number | undefined][] = [
  ["2026-03-09T08:07:06Z hello", at("2026-03-09T08:07:06Z")],
  ["2026-03-09T08:07:06.123456Z hello", at("2026-03-09T08:07:06.123Z")],
  ["2026-03-09T08:07:06,500 [main] INFO x", local("2026-03-09T08:07:06.500")],
  ["2026-03-09 08:07:06+02:00 hello", at("2026-03-09T06:07:06Z")],
  ["2026-03-09T08:07:06-0330 host unit[1]: hello", at("2026-03-09T11:37:06Z")],
  ["2026-03-09 08:07:06 +0000 hello", at("2026-03-09T08:07:06Z")],
  ["2026-03-09 08:07:06 UTC [12] LOG: hello", at("2026-03-09T08:07:06Z")],
  ["2026-03-09 08:07:06 -2000 items sold", local("2026-03-09T08:07:06")],
  ["2026-03-09 08:07:06 hello", local("2026-03-09T08:07:06")],
  ["[INFO ] [2026-03-09T08:07:06Z] hello", at("2026-03-09T08:07:06Z")],
  [`${"x".repeat(150)} 2026-03-09T08:07:06Z`, at("2026-03-09T08:07:06Z")],
  [`${"x".repeat(201)} 2026-03-09T08:07:06Z`, undefined],
  ["Mar  9 08:07:06 host sshd[1]: hello", local("2026-03-09T08:07:06")],
  ["Mar 11 08:07:06 host sshd[1]: a little ahead", local("2026-03-11T08:07:06")],
  ["Dec 31 23:59:59 host sshd[1]: last year", local("2025-12-31T23:59:59")],
  ["<13>Mar 09 08:07:06 host x: hello", local("2026-03-09T08:07:06")],
  ["Feb 29 08:07:06 host x: the last leap year", local("2024-02-29T08:07:06")],
  ["Feb 30 08:07:06 host x: no such day", undefined],
  ['1.2.3.4 - - [09/Mar/2026:08:07:06 +0100] "GET / HTTP/1.1" 200', at("2026-03-09T07:07:06Z")],
  ["2026/03/09 08:07:06 [error] 12#12: *1 open() failed", local("2026-03-09T08:07:06")],
  ["[Mon Mar 09 08:07:06.123456 2026] [core:error] x", local("2026-03-09T08:07:06.123")],
  ['{"time":"2026-03-09T08:07:06.5Z","msg":"x"}', at("2026-03-09T08:07:06.500Z")],
  [
    '{"msg":"2020-01-01T00:00:00Z","@timestamp":"2026-03-09T08:07:06Z"}',
    at("2026-03-09T08:07:06Z"),
  ],
  ['{"level":"info","ts":1773043626.25,"msg":"x"}', 1_773_043_626_250],
  ['{"timestamp":1773043626250}', 1_773_043_626_250],
  ['{"timestamp":"1773043626"}', 1_773_043_626_000],
  [`{"ts":1773043626,"long":"${"y".repeat(3000)}`, 1_773_043_626_000],
  ['{"msg":"no time"}', undefined],
  ['{"time":{"deep":1}}', undefined],
  ["    at main (app.js:3) since 2020-01-01T00:00:00Z", undefined],
  ["  2026-03-09T08:07:06Z indented, and begins with it", at("2026-03-09T08:07:06Z")],
  ["\tat java.lang.Thread.run(Thread.java:748)", undefined],
  ["2026-13-09T08:07:06Z no such month", undefined],
  ["2026-02-30T08:07:06Z no such day", undefined],
  ["2026-03-09T25:07:06Z no such hour", undefined],
  ["12026-03-09T08:07:06Z part of a longer number", undefined],
  ["1773043626.250    52 10.0.0.1 TCP_MISS/200 1 GET http://x/", 1_773_043_626_250],
  ["1773043626 a line", 1_773_043_626_000],
  ["[1773043626] CURRENT HOST STATE: x", 1_773_043_626_000],
  ["1773043626250, a line", 1_773_043_626_250],
  ["1773043626x is no time", undefined],
  ["type=SYSCALL msg=audit(1773043626.250:42): arch=c000003e", 1_773_043_626_250],
  ["09-Mar-2026 08:07:06.500 INFO [main] org.apache.catalina.x", local("2026-03-09T08:07:06.500")],
  ["1234:M 09 Mar 2026 08:07:06.500 * Ready", local("2026-03-09T08:07:06.500")],
  ["I0309 08:07:06.500000   12 x.go:1] hello", local("2026-03-09T08:07:06.500")],
  ["E1231 23:59:59.000000   12 x.go:1] last year", local("2025-12-31T23:59:59")],
  ["3/9/2026 8:07:06 PM hello", local("2026-03-09T20:07:06")],
  ["03/09/2026, 12:07:06 AM hello", local("2026-03-09T00:07:06")],
  ["03/09/2026 08:07:06 may be a day in March or September", undefined],
  ["    at 09-Mar-2026 08:07:06", undefined],
  ["", undefined],
  ["\u0000\u0001binary", undefined],
];

describe("the time of a line", () => {
  test.each(lines)("%p", (line, time) => {
    expect(parseTimestamp(line, reference)).toBe(time as number);
  });
});
