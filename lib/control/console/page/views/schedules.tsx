/** Jobs that run at set times: pause, resume, run now, delete. */
import type { ScheduleView } from "../../../../protocol/api/schedules.ts";
import type { Page } from "../../../../protocol/api/views.ts";
import { Badge, Empty, Problem, Skeleton, Time } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { ask } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { counted, type Shown, span, targetText, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { go, href } from "../state/router.ts";
import { may } from "../state/session.ts";

export function SchedulesPage() {
  const { data, error, refresh } = useLive("schedules", (signal) =>
    get<Page<ScheduleView>>("api/v1/schedules", signal),
  );
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Schedules</h1>
        {may("jobs.create") && (
          <span class="buttons">
            <a class="button primary" href={href(["run"], { as: "schedule" })}>
              New schedule
            </a>
          </span>
        )}
      </div>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data?.items.length === 0 && (
        <Empty title="No schedules yet">
          <p>
            A schedule runs a job at set times. On the command line:{" "}
            <code>wsctl schedules create nightly --cron "0 3 * * *" --all info</code>
          </p>
        </Empty>
      )}
      <ul class="cards">
        {data?.items.map((schedule) => (
          <Schedule key={schedule.name} schedule={schedule} refresh={refresh} />
        ))}
      </ul>
    </>
  );
}

function Schedule({ schedule, refresh }: { schedule: ScheduleView; refresh: () => void }) {
  const { name, job, last_run: last, next_at: next, pause_reason: reason } = schedule;
  return (
    <li class="card">
      <div class="title">
        <h2>{visible(name)}</h2>
        <Badge {...stateOf(schedule)} />
        {may("jobs.create") && <Actions schedule={schedule} refresh={refresh} />}
      </div>
      <p>
        <strong>{visible(job.command)}</strong> on {visible(targetText(job.target))},{" "}
        {visible(timingText(schedule))}
      </p>
      <p class="quiet">
        {next !== undefined && (
          <>
            next <Time at={next} isFuture={true} />,{" "}
          </>
        )}
        {last === undefined ? (
          "never ran"
        ) : (
          <>
            last due <Time at={last.due_at} />{" "}
            {last.job_id !== undefined && <a href={href(["jobs", last.job_id])}>job</a>}
            {last.skip_reason !== undefined && visible(`skipped: ${last.skip_reason}`)}
          </>
        )}
        , by {visible(schedule.created_by)}
        {reason !== undefined && visible(`, paused: ${reason}`)}
      </p>
      <Signed schedule={schedule} />
    </li>
  );
}

function Actions({ schedule, refresh }: { schedule: ScheduleView; refresh: () => void }) {
  const { name, paused_at: pausedAt, signed } = schedule;
  const path = `api/v1/schedules/${encodeURIComponent(name)}`;
  const post = async (what: string, done: string) => {
    await act({ path: `${path}/${what}`, done: `${done} ${name}` });
    refresh();
  };
  const run = async () => {
    const { command, target } = schedule.job;
    const title = `Run ${name} now?`;
    const text = `It runs ${command} on ${targetText(target)}, with your login. Its due runs stay as they are.`;
    if (!(await ask({ title, text, action: "Run" }))) return;
    const headers = { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") };
    const made = await act<{ job_id: string }>({ path: `${path}/run`, headers });
    if (made !== undefined) go(["jobs", made.job_id]);
  };
  const remove = async () => {
    const text = `${name} never runs again. Its jobs stay.`;
    const title = "Delete this schedule?";
    if (!(await ask({ title, text, action: "Delete", isDangerous: true }))) return;
    await act({ method: "DELETE", path, done: `Deleted ${name}` });
    refresh();
  };
  return (
    <div class="buttons">
      {signed === undefined && (
        <button type="button" onClick={run}>
          Run now
        </button>
      )}
      {pausedAt === undefined ? (
        <button type="button" onClick={() => post("pause", "Paused")}>
          Pause
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => post("resume", "Resumed")}>
          Resume
        </button>
      )}
      <button type="button" class="danger" onClick={remove}>
        Delete
      </button>
    </div>
  );
}

function stateOf({ paused_at: pausedAt, next_at: next }: ScheduleView): Shown {
  if (pausedAt !== undefined) return { text: "paused", tone: "wait" };
  return next === undefined ? { text: "ended", tone: "off" } : { text: "active", tone: "good" };
}

/** What is left of a signed schedule, which only the command line can create and renew. */
function Signed({ schedule: { signed } }: { schedule: ScheduleView }) {
  if (signed === undefined) return null;
  const { runs_left: left, max_runs: most, not_after: end, keys, ends_soon: isEnding } = signed;
  return (
    <p>
      <Badge text={isEnding ? "signed, ends soon" : "signed"} tone={isEnding ? "wait" : "good"} />{" "}
      <span class="quiet">
        {`${left} of ${counted(most, "run")} left, ends `}
        <Time at={end} isFuture={true} />
        {visible(`, by ${counted(keys.length, "key")} ${keys.join(", ")}. To renew it, use `)}
        <code>wsctl schedules create --sign</code>
      </span>
    </p>
  );
}

function timingText({ timing }: ScheduleView): string {
  if ("cron" in timing) return `at ${timing.cron} (${timing.time_zone})`;
  return "at" in timing ? `once at ${timing.at}` : `every ${span(timing.every_seconds)}`;
}
