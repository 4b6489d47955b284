/** What the forms of schedules, templates, saved targets and webhooks mean. */
import { describe, expect, test } from "bun:test";
import {
  savedTargetLine,
  scheduleLine,
  sendLine,
  templateLine,
} from "../../../../../../lib/control/console/page/state/cliLine.ts";
import {
  isMissing,
  nextTimes,
  savedTargetOf,
  scheduleOf,
  templateOf,
  webhookOf,
} from "../../../../../../lib/control/console/page/state/formValues.ts";

const job = { command: "deploy", target: { selector: "role=web" }, parameters: { version: "v7" } };

describe("the form of a schedule", () => {
  test.each([
    [{ cron: "0 3 * * 1", zone: "Europe/Berlin" }, "--cron '0 3 * * 1' --time-zone Europe/Berlin"],
    [{ when: "every", every: "15m", jitter: "1m" }, "--every 900s --jitter 60s"],
    [{ when: "at", at: "2030-01-02T22:00Z" }, "--at 2030-01-02T22:00:00.000Z"],
    [
      { when: "every", every: "1h", deadline: "none", concurrency: "replace" },
      "--every 3600s --starting-deadline none --concurrency-policy replace",
    ],
  ])("reads %j, and shows the same command line", (texts, flags) => {
    const { value, error } = scheduleOf({ name: "nightly", ...texts }, job);
    expect(error).toBe("");
    if (value === undefined) throw new Error("no value");
    const line = "wsctl schedules create nightly deploy --target role=web --param version=v7";
    expect(scheduleLine(value)).toBe(`${line} ${flags}`);
  });

  test.each([
    [{ cron: "* * * * *" }, "name is required"],
    [{ name: "a b", cron: "* * * * *" }, "name must be letters, digits"],
    [{ name: "a" }, "cron is required"],
    [{ name: "a", when: "every", every: "soon" }, "interval must be a time"],
    [{ name: "a", when: "every", every: "0s" }, "timing"],
    [{ name: "a", when: "every", every: "1h", jitter: "2d" }, "jitter_seconds must be"],
    [{ name: "a", when: "at", at: "tomorrow" }, "time must be a date"],
  ])("says what is wrong with %j", (texts, error) => {
    expect(scheduleOf(texts, job).error).toContain(error);
  });

  test("shows the next times in the time zone of the schedule, or why there is none", () => {
    const now = Date.parse("2030-01-01T00:00:00Z");
    const next = nextTimes({ cron: "0 3 * * *", time_zone: "Asia/Tokyo" }, now, 2);
    expect(next.times.map((each) => each.toISOString())).toEqual([
      "2030-01-01T18:00:00.000Z",
      "2030-01-02T18:00:00.000Z",
    ]);
    expect(nextTimes({ cron: "61 * * * *" }, now, 1).error).toContain("Cannot schedule");
    expect(nextTimes({ at: "2029-01-01T00:00:00Z" }, now, 1).error).toContain("No time is left");
  });
});

test("the form of a template asks for the parameters that it names", () => {
  const { value } = templateOf({ name: "roll", prompts: "version, mode" }, { command: "deploy" });
  expect(value).toEqual({
    name: "roll",
    job: { command: "deploy" },
    prompts: { version: {}, mode: {} },
  });
  const line = "wsctl templates create roll deploy --prompt version --prompt mode";
  expect(templateLine({ name: "roll", job: { command: "deploy" }, prompts: value?.prompts })).toBe(
    line,
  );
});

test("a saved target and a webhook are checked as the API checks them", () => {
  expect(savedTargetOf({ name: "web", selector: "env=prod" }).value).toEqual({
    name: "web",
    selector: "env=prod",
  });
  expect(savedTargetOf({ name: "web", selector: "@other" }).error).toContain("saved target");
  expect(savedTargetOf({ name: "web", selector: "role=(" }).error).toContain("Cannot parse");
  expect(savedTargetLine({ name: "web", selector: "a in (b,c)" })).toBe(
    "wsctl targets create web --target 'a in (b,c)'",
  );
  expect(webhookOf({ name: "chat", url: "ftp://host" }, ["job.failed"]).error).toContain("url");
  expect(isMissing(webhookOf({ name: "chat", url: "https://host" }, []).error)).toBeTrue();
});

test("a file is a flag of its own on the command line", () => {
  const file = { artifact_id: "x", name: "app 1.deb", bytes: 1, sha256: "y" };
  const value = { command: "install", target: { all: true as const }, parameters: { pkg: file } };
  expect(sendLine(value, ["pkg"])).toBe("wsctl send install --all --file 'pkg=app 1.deb'");
});
