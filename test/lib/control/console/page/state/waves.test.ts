/** The stages of a rollout, with their counts and what comes next. */
import { expect, test } from "bun:test";
import { wavesOf } from "../../../../../../lib/control/console/page/state/waves.ts";
import type { RequestView } from "../../../../../../lib/protocol/api/views.ts";

const at = "2030-01-01T00:00:00Z";

function requests(text: string): RequestView[] {
  const states = { s: "success", f: "failed", c: "cancelled", r: "sent", q: "queued" } as const;
  return [...text].map((letter, index) => {
    const state = states[letter as keyof typeof states];
    const isEnded = state !== "sent" && state !== "queued";
    return {
      ...{ request_id: `r${index}`, agent: `a${index}`, state, queued_at: at },
      ...(isEnded ? { ended_at: at } : {}),
    };
  });
}

function shown(rollout: object, text: string): string[] {
  return wavesOf({ rollout, requests: requests(text) }).map(({ title, state, ended, total }) => {
    return `${title}: ${state.text} (${state.tone}) ${ended}/${total}`;
  });
}

test.each([
  [{}, "sss", []],
  [{ max_failures: 1 }, "sss", []],
  [{ canary: 1 }, "srq", ["Canary: ended (good) 1/1", "The rest, at once: runs (wait) 0/2"]],
  [{ batch: 2 }, "srrq", ["All, at most 2 at a time: runs (wait) 1/4"]],
  [{ canary: 1 }, "fcc", ["Canary: ended (bad) 1/1", "The rest, at once: never started (off) 2/2"]],
  [
    { canary: 1, batch: 2, waves: true as const },
    "sssrqq",
    [
      "Canary: ended (good) 1/1",
      "Wave 1 of 3: ended (good) 2/2",
      "Wave 2 of 3: runs (wait) 0/2",
      "Wave 3 of 3: waits (off) 0/1",
    ],
  ],
])("the rollout %j of %s has the stages %j", (rollout, text, stages) => {
  expect(shown(rollout, text)).toEqual(stages);
});

test("a wave that waits for the pause of the one before says when it starts", () => {
  const rollout = { canary: 1, canary_pause_seconds: 60, batch: 1, waves: true as const };
  const waves = wavesOf({ rollout, requests: requests("sqq") });
  expect(waves[1]).toMatchObject({ state: { text: "pauses" }, startsAt: Date.parse(at) + 60_000 });
  expect(waves[2]?.startsAt).toBeUndefined();
});

test("many waves are a few rows: those before, those that run or failed, and those to come", () => {
  const text = `${"s".repeat(100)}fsrr${"q".repeat(900)}`;
  expect(shown({ batch: 2, waves: true }, text)).toEqual([
    "50 earlier waves: ended (good) 100/100",
    "Wave 51 of 502: ended (bad) 2/2",
    "Wave 52 of 502: runs (wait) 0/2",
    "450 later waves: waits (off) 0/900",
  ]);
});
