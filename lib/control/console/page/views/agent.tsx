/** One agent: facts, labels, charts, requests, capabilities, and what was done to it. */
import { useState } from "preact/hooks";
import type { AuditPage } from "../../../../protocol/api/audit.ts";
import type { AgentDetail, JobView, Page } from "../../../../protocol/api/views.ts";
import { LabelDialog } from "../lists/agentActions.tsx";
import { AuditRows } from "../lists/auditRows.tsx";
import { JobTable } from "../lists/jobTable.tsx";
import { Badge, Empty, Facts, Labels, Problem, Skeleton, Time } from "../parts/badge.tsx";
import { Charts } from "../parts/chart.tsx";
import { act } from "../parts/confirm.tsx";
import { ask } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { agentState, counted, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { go, href, route, setQuery } from "../state/router.ts";
import { can, may } from "../state/session.ts";

/** The spans of the charts, in seconds. */
const spans = { hour: 3_600, day: 24 * 3_600, month: 30 * 24 * 3_600 } as const;
const spanNames = ["hour", "day", "month"] as const;

export function AgentPage({ id }: { id: string }) {
  const path = `api/v1/agents/${encodeURIComponent(id)}`;
  const {
    data: agent,
    error,
    refresh,
  } = useLive(`agent ${id}`, (signal) => get<AgentDetail>(path, signal));
  if (agent === undefined) {
    return (
      <>
        <div class="title">
          <h1 tabIndex={-1}>{visible(id)}</h1>
        </div>
        <Problem text={error} />
        {error === "" && <Skeleton rows={10} />}
      </>
    );
  }
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>{visible(agent.agent_id)}</h1>
        <Badge {...agentState(agent)} />
        <Actions agent={agent} path={path} refresh={refresh} />
      </div>
      <Problem text={error} />
      <Facts
        facts={[
          ["Host name", agent.hostname],
          ["System", [agent.os, agent.arch].filter(Boolean).join(" ")],
          ["Version", agent.version],
          ["Address", agent.address],
          ["Protocol", agent.protocol],
          ["Labels", agent.labels && <Labels labels={agent.labels} />],
          ["Last seen", <Time key="seen" at={agent.last_seen_at} />],
          ["Connected", agent.online ? <Time key="since" at={agent.connected_at} /> : undefined],
          ["CPU", agent.cpu_usage],
          ["Memory", agent.memory_usage],
          ["Open requests", <OpenRequests key="open" agent={agent} />],
          ["Used twice at", agent.duplicate_location],
        ]}
      />
      <Metrics agent={agent} />
      <Requests id={agent.agent_id} />
      <Commands agent={agent} />
      {can("audit.read") && <Audit id={agent.agent_id} />}
    </>
  );
}

/** What waits for the agent, or for its answer. */
function OpenRequests({ agent }: { agent: AgentDetail }) {
  const { agent_id: id, open_requests: count, online } = agent;
  if (count === 0) return <>none</>;
  const text = online ? counted(count, "request") : `${counted(count, "request")} queued`;
  return <a href={href(["jobs"], { agent: id, status: "open" })}>{text}</a>;
}

function Actions({
  agent,
  path,
  refresh,
}: {
  agent: AgentDetail;
  path: string;
  refresh: () => void;
}) {
  const [isLabelling, setLabelling] = useState(false);
  const { agent_id: id, access, drained, online } = agent;
  const post = async (what: string, done: string, isSensitive = false) => {
    await act({ path: `${path}/${what}`, done: `${done} ${id}`, isSensitive });
    refresh();
  };
  const revoke = async () => {
    const text = `${id} is disconnected at once and cannot connect again with its key.`;
    const title = "Revoke this agent?";
    const isYes = await ask({ title, text, action: "Revoke", isDangerous: true });
    if (isYes) await post("revoke", "Revoked");
  };
  const remove = async () => {
    const text = `The record and the tokens of ${id} are deleted. Its jobs stay.`;
    const title = "Delete this agent?";
    if (!(await ask({ title, text, action: "Delete", isDangerous: true }))) return;
    if (await act({ method: "DELETE", path, done: `Deleted ${id}` })) go(["agents"]);
  };
  return (
    <div class="buttons">
      {may("jobs.create") && (
        <a class="button primary" href={href(["run"], { agents: id })}>
          Run
        </a>
      )}
      {may("agents.manage") && (
        <>
          {access === "pending" && (
            <button type="button" onClick={() => post("approve", "Approved", true)}>
              Approve
            </button>
          )}
          <button type="button" onClick={() => setLabelling(true)}>
            Label
          </button>
          {drained ? (
            <button type="button" onClick={() => post("undrain", "Undrained")}>
              Undrain
            </button>
          ) : (
            <button type="button" onClick={() => post("drain", "Drained")}>
              Drain
            </button>
          )}
          {access !== "revoked" && (
            <button type="button" class="danger" onClick={revoke}>
              Revoke
            </button>
          )}
          {!online && (
            <button type="button" class="danger" onClick={remove}>
              Delete
            </button>
          )}
        </>
      )}
      {isLabelling && (
        <LabelDialog
          ids={[id]}
          onClose={() => {
            setLabelling(false);
            refresh();
          }}
        />
      )}
    </div>
  );
}

function Metrics({ agent }: { agent: AgentDetail }) {
  const chosen = route.value.query.get("span") ?? "hour";
  const span = spanNames.find((each) => each === chosen) ?? "hour";
  const { day, month } = agent.metrics;
  return (
    <section aria-label="CPU and memory">
      <div class="title">
        <h2>CPU and memory</h2>
        <fieldset class="toggles">
          <legend class="hidden">Time span</legend>
          {spanNames.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === span}
              onClick={() => setQuery({ span: each })}
            >
              {each}
            </button>
          ))}
        </fieldset>
      </div>
      <Charts key={span} series={span === "month" ? month : day} seconds={spans[span]} />
    </section>
  );
}

function Requests({ id }: { id: string }) {
  const { data, error } = useLive(`jobs of ${id}`, (signal) =>
    get<Page<JobView>>(`api/v1/jobs?limit=20&agent=${encodeURIComponent(id)}`, signal),
  );
  return (
    <section aria-label="Jobs">
      <div class="title">
        <h2>Latest jobs</h2>
        <a href={href(["jobs"], { agent: id })}>All jobs of this agent</a>
      </div>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data?.items.length === 0 && <Empty title="No job has selected this agent yet" />}
      {data !== undefined && data.items.length > 0 && <JobTable jobs={data.items} />}
    </section>
  );
}

function Commands({ agent }: { agent: AgentDetail }) {
  const { commands = [], agent_id: id } = agent;
  return (
    <section aria-label="Commands">
      <h2>Commands</h2>
      {commands.length === 0 && (
        <p class="quiet">This agent has announced no commands with parameters.</p>
      )}
      <ul class="list">
        {commands.map(({ name, description = "" }) => (
          <li key={name}>
            {may("jobs.create") ? (
              <a class="main" href={href(["run"], { agents: id, command: name })}>
                {visible(name)}
              </a>
            ) : (
              <strong class="main">{visible(name)}</strong>
            )}
            <span class="quiet">{visible(description)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Audit({ id }: { id: string }) {
  const { data, error } = useLive(
    `audit of ${id}`,
    (signal) => get<AuditPage>(`api/v1/audit?limit=20&agent=${encodeURIComponent(id)}`, signal),
    { everyMs: 10_000 },
  );
  return (
    <section aria-label="Audit">
      <h2>Audit</h2>
      <Problem text={error} />
      {data === undefined ? <Skeleton /> : <AuditRows lines={data.items} />}
    </section>
  );
}
