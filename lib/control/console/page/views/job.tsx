/** One job: its progress, what can be done with it, the answers of its agents, and their output. */
import { useMemo } from "preact/hooks";
import type { AcceptedLine, JobDetail, RequestView } from "../../../../protocol/api/views.ts";
import { Groups, RequestTable } from "../lists/outcomes.tsx";
import { Output } from "../lists/output.tsx";
import { Waves } from "../lists/waves.tsx";
import { Badge, Facts, Problem, Progress, Skeleton, Time } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { ask } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { sendLine } from "../state/cliLine.ts";
import { countValues } from "../state/filter.ts";
import {
  counted,
  creator,
  jobState,
  requestTone,
  rolloutText,
  span,
  targetText,
  visible,
} from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { groupRequests } from "../state/outcomes.ts";
import { go, href, route, setQuery } from "../state/router.ts";
import { may, session } from "../state/session.ts";
import { wavesOf } from "../state/waves.ts";

const tabs = ["answers", "agents", "output"] as const;

export function JobPage({ id }: { id: string }) {
  const path = `api/v1/jobs/${encodeURIComponent(id)}`;
  const {
    data: job,
    error,
    refresh,
  } = useLive(`job ${id}`, (signal) => get<JobDetail>(path, signal), {
    everyMs: 1_000,
    isOver: ({ ended, total }) => ended >= total,
  });
  const groups = useMemo(() => groupRequests(job?.requests ?? []), [job]);
  const waves = useMemo(() => (job === undefined ? [] : wavesOf(job)), [job]);
  if (job === undefined) {
    return (
      <>
        <div class="title">
          <h1 tabIndex={-1}>Job</h1>
        </div>
        <Problem text={error} />
        {error === "" && <Skeleton rows={10} />}
      </>
    );
  }
  const chosen = route.value.query.get("show") ?? "answers";
  const tab = tabs.find((each) => each === chosen) ?? "answers";
  const shown = may("jobs.create") ? tabs : tabs.slice(0, 2);
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>{visible(job.command)}</h1>
        <Badge {...jobState(job)} />
        <Actions job={job} path={path} refresh={refresh} />
      </div>
      <Problem text={error} />
      <div class="title">
        <Progress job={job} />
        <StateCounts requests={job.requests} />
      </div>
      <Waves waves={waves} />
      <JobFacts job={job} />
      <div class="title">
        <fieldset class="toggles">
          <legend class="hidden">Show</legend>
          {shown.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === tab}
              onClick={() => setQuery({ show: each })}
            >
              {each}
            </button>
          ))}
        </fieldset>
      </div>
      {tab === "answers" && <Groups groups={groups} />}
      {tab === "agents" && <RequestTable requests={job.requests} />}
      {tab === "output" && may("jobs.create") && <Output job={job} />}
    </>
  );
}

/** How many requests are in each state, in the order of their lives. */
function StateCounts({ requests }: { requests: readonly RequestView[] }) {
  const counts = countValues(requests.map(({ state }) => state));
  return (
    <span class="chips">
      {counts.map(([state, count]) => (
        <Badge key={state} text={`${count} ${state}`} tone={requestTone(state)} />
      ))}
    </span>
  );
}

function JobFacts({ job }: { job: JobDetail }) {
  const { parameters, rollout = {}, approval, retry_of: retryOf, schedule } = job;
  const { paused_at: pausedAt, cancelled_at: cancelledAt } = job;
  return (
    <Facts
      facts={[
        ["Job", job.job_id],
        ["Target", targetText(job.target)],
        [
          "Parameters",
          parameters && <pre key="p">{visible(JSON.stringify(parameters, null, 2))}</pre>,
        ],
        ["Rollout", rolloutText(rollout)],
        [
          "Created",
          <span key="c">
            <Time at={job.created_at} /> by {visible(creator(job))}
          </span>,
        ],
        ["Time to live", span(job.ttl_seconds)],
        ["Timeout", span(job.timeout_seconds)],
        [
          "Approval",
          approval?.status === "approved" ? `approved by ${approval.by}` : approval?.status,
        ],
        ["Schedule", schedule],
        ["Template", job.template],
        ["Reason", job.reason],
        ["Paused", pausedAt && <Time key="paused" at={pausedAt} />],
        ["Cancelled", cancelledAt && <Time key="cancelled" at={cancelledAt} />],
        ["Signed", job.signed && "yes: it can be repeated only with wsctl send --sign"],
        [
          "Retry of",
          retryOf && (
            <a key="r" href={href(["jobs", retryOf])}>
              {visible(retryOf)}
            </a>
          ),
        ],
        ["Command line", <CopyLine key="cli" text={sendLine(asRequest(job))} />],
      ]}
    />
  );
}

function asRequest(job: JobDetail) {
  const { command, parameters, target, rollout, priority, require_online } = job;
  return {
    ...{ command, target, timeout_seconds: job.timeout_seconds, ttl_seconds: job.ttl_seconds },
    ...(parameters === undefined ? {} : { parameters }),
    ...(rollout === undefined ? {} : { rollout }),
    ...(priority === undefined ? {} : { priority }),
    ...(require_online === undefined ? {} : { require_online }),
  };
}

function Actions({ job, path, refresh }: { job: JobDetail; path: string; refresh: () => void }) {
  if (!may("jobs.create")) return null;
  const isOver = job.ended >= job.total;
  const isPending = job.approval?.status === "pending" && job.cancelled_at === undefined;
  const post = async (what: string, done: string, isSensitive = false) => {
    await act({ path: `${path}/${what}`, done: `${done} ${job.command}`, isSensitive });
    refresh();
  };
  const cancel = async () => {
    const open = job.total - job.ended;
    const text = `${open} of ${job.total} requests are open. Queued ones never start; agents stop running ones.`;
    const title = "Cancel this job?";
    if (await ask({ title, text, action: "Cancel job", isDangerous: true })) {
      await post("cancel", "Cancelled");
    }
  };
  const isOwn = job.created_by === session.value.id;
  const failed = job.requests.filter(isFailed);
  return (
    <div class="buttons">
      {!isOver && isPending && !isOwn && may("jobs.approve") && (
        <button type="button" class="primary" onClick={() => post("approve", "Approved", true)}>
          Approve
        </button>
      )}
      {!isOver &&
        (job.paused_at === undefined ? (
          <button type="button" onClick={() => post("pause", "Paused")}>
            Pause
          </button>
        ) : (
          <button type="button" class="primary" onClick={() => post("resume", "Resumed")}>
            Resume
          </button>
        ))}
      {!isOver && job.cancelled_at === undefined && (
        <button type="button" class="danger" onClick={cancel}>
          Cancel job
        </button>
      )}
      {isOver && failed.length > 0 && !job.signed && (
        <button type="button" class="primary" onClick={() => retry(job, path, failed.length)}>
          {`Retry ${failed.length}`}
        </button>
      )}
      {isOver && !job.signed && (
        <a class="button" href={href(["run"], { from: job.job_id })}>
          Run again…
        </a>
      )}
    </div>
  );
}

/** Whether a retry of failed, not started and lost requests selects this one. */
function isFailed({ state }: RequestView): boolean {
  return state !== "queued" && state !== "sent" && state !== "success";
}

async function retry(job: JobDetail, path: string, count: number): Promise<void> {
  const text = `${job.command} runs again on ${counted(count, "agent")} whose requests did not succeed. If it may not run twice, look at lost requests first.`;
  const isYes = await ask({ title: `Retry on ${counted(count, "agent")}?`, text, action: "Retry" });
  if (!isYes) return;
  const body = { which: ["failed", "not_started", "lost"] };
  const made = await act<AcceptedLine>({
    path: `${path}/retry`,
    body,
    done: `Retried ${job.command}`,
  });
  if (made !== undefined) go(["jobs", made.job.job_id]);
}
