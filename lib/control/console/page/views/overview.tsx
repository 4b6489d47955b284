/** What is going on: counts of the fleet, what needs a person, what runs, and what failed. */
import type { ComponentChildren } from "preact";
import type { AgentView, JobView, Page } from "../../../../protocol/api/views.ts";
import { AgentLink, Badge, Empty, Problem, Progress, Skeleton, Time } from "../parts/badge.tsx";
import { get } from "../state/api.ts";
import { agentStates, countValues, hasState } from "../state/filter.ts";
import { fleetError, useFleet } from "../state/fleet.ts";
import { agentState, jobState, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { href } from "../state/router.ts";
import { may } from "../state/session.ts";

const shownMax = 8;
/** Events make it sooner. */
const everyMs = 5_000;
const longOfflineMs = 24 * 60 * 60 * 1000;

export function OverviewPage() {
  const agents = useFleet();
  const recent = useLive(
    "recent",
    (signal) => get<Page<JobView>>("api/v1/jobs?limit=100", signal),
    { everyMs },
  );
  const open = useLive(
    "open",
    (signal) => get<Page<JobView>>("api/v1/jobs?status=open&limit=50", signal),
    { everyMs },
  );
  if (agents === undefined || recent.data === undefined || open.data === undefined) {
    return (
      <>
        <h1 tabIndex={-1}>Overview</h1>
        <Problem text={fleetError.value || recent.error || open.error} />
        <Skeleton rows={10} />
      </>
    );
  }
  const failed = recent.data.items.filter((job) => jobState(job).tone === "bad");
  const pending = open.data.items.filter((job) => job.approval?.status === "pending");
  const running = open.data.items.filter((job) => job.approval?.status !== "pending");
  return (
    <>
      <h1 tabIndex={-1}>Overview</h1>
      <Problem text={fleetError.value || recent.error || open.error} />
      <Counts agents={agents} />
      {agents.length === 0 && <NoAgents />}
      <div class="panels">
        <Attention agents={agents} jobs={pending} />
        <JobPanel title="Running" jobs={running} empty="Nothing runs at the moment." />
        <JobPanel title="Recent failures" jobs={failed} empty="No recent job has failed." />
        <Groups agents={agents} />
      </div>
    </>
  );
}

function Counts({ agents }: { agents: readonly AgentView[] }) {
  const counted = agentStates
    .map((state) => ({ state, count: agents.filter((agent) => hasState(agent, state)).length }))
    .filter(({ state, count }) => count > 0 || state === "online" || state === "offline");
  return (
    <ul class="counts" aria-label="Agents by state">
      <li>
        <a href={href(["agents"])}>
          <strong>{agents.length}</strong> agents
        </a>
      </li>
      {counted.map(({ state, count }) => (
        <li key={state}>
          <a href={href(["agents"], { state })}>
            <strong>{count}</strong> {state}
          </a>
        </li>
      ))}
    </ul>
  );
}

function NoAgents() {
  return (
    <Empty title="No agent has connected yet">
      <p>
        On this host, run <code>wsctl agent</code>. For another host, create a join string with{" "}
        <code>wsctl tokens create --role join</code> and run <code>wsctl agent --join STRING</code>{" "}
        there.
      </p>
    </Empty>
  );
}

function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** What waits for a person. */
function Attention({ agents, jobs }: { agents: readonly AgentView[]; jobs: readonly JobView[] }) {
  const isLong = ({ online, last_seen_at: at }: AgentView) =>
    !online && at !== undefined && Date.now() - Date.parse(at) > longOfflineMs;
  const found = agents.filter((agent) => {
    return agent.access === "pending" || agent.access === "fenced" || isLong(agent);
  });
  const rest = found.length - shownMax;
  return (
    <Panel title="Needs attention">
      {jobs.length + found.length === 0 && <p class="quiet">Nothing waits for you.</p>}
      <ul class="list">
        {jobs.slice(0, shownMax).map((job) => (
          <li key={job.job_id}>
            <a class="main" href={href(["jobs", job.job_id])}>
              {visible(job.command)}
            </a>
            <Badge text="pending approval" tone="wait" />
            <a href={href(["approvals"])}>Approvals</a>
          </li>
        ))}
        {found.slice(0, shownMax).map((agent) => (
          <li key={agent.agent_id}>
            <AgentLink id={agent.agent_id} />
            <Badge {...agentState(agent)} />
            <span class="quiet">
              seen <Time at={agent.last_seen_at} />
            </span>
          </li>
        ))}
      </ul>
      {rest > 0 && <a href={href(["agents"], { state: "offline" })}>{`${rest} more`}</a>}
    </Panel>
  );
}

function JobPanel(props: { title: string; jobs: readonly JobView[]; empty: string }) {
  const { title, jobs, empty } = props;
  return (
    <Panel title={title}>
      {jobs.length === 0 && (
        <p class="quiet">
          {empty} {title === "Running" && may("jobs.create") && <a href={href(["run"])}>Run</a>}
        </p>
      )}
      <ul class="list">
        {jobs.slice(0, shownMax).map((job) => (
          <li key={job.job_id}>
            <a class="main" href={href(["jobs", job.job_id])}>
              {visible(job.command)}
            </a>
            {job.paused_at !== undefined && <Badge {...jobState(job)} />}
            <Progress job={job} />
            <span class="quiet">
              <Time at={job.created_at} />
            </span>
          </li>
        ))}
      </ul>
      {jobs.length > shownMax && <a href={href(["jobs"])}>{`${jobs.length - shownMax} more`}</a>}
    </Panel>
  );
}

/** The fleet by version and by each label. */
function Groups({ agents }: { agents: readonly AgentView[] }) {
  const versions = countValues(agents.map(({ version }) => `version=${version ?? ""}`));
  const labels = countValues(
    agents.flatMap((agent) => Object.entries(agent.labels ?? {}).map((pair) => pair.join("="))),
  );
  const shown = [...versions.slice(0, shownMax), ...labels.slice(0, 2 * shownMax)].filter(
    ([text]) => !text.endsWith("="),
  );
  return (
    <Panel title="By version and label">
      {shown.length === 0 && (
        <p class="quiet">
          Agents have no labels yet: <code>wsctl agents label web-1 env=prod</code>
        </p>
      )}
      <ul class="chips">
        {shown.map(([text, count]) => (
          <li key={text}>
            <a class="chip" href={href(["agents"], { selector: text })}>
              {visible(text)} <strong>{count}</strong>
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
