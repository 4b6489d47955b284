/** The answers of a job's agents: grouped by equal answers, or one row for each agent. */
import { useState } from "preact/hooks";
import type { ArtifactDetail } from "../../../../protocol/api/artifacts.ts";
import type { RequestView } from "../../../../protocol/api/views.ts";
import { AnsiLine, plain } from "../parts/ansi.tsx";
import { AgentLink, Badge, Empty } from "../parts/badge.tsx";
import { say } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { answerText, requestTone, took, visible } from "../state/format.ts";
import { artifactsIn, type Group, withoutArtifacts } from "../state/outcomes.ts";
import { may } from "../state/session.ts";
import { type Column, sorted, Table } from "./table.tsx";

const groupsMax = 100;
const agentsMax = 200;
const firstCharsMax = 500;

export function Groups({ groups }: { groups: readonly Group[] }) {
  if (groups.length === 0) return <Empty title="No agent was selected" />;
  return (
    <>
      {groups.slice(0, groupsMax).map((group) => (
        <GroupBox key={group.key} group={group} isOnly={groups.length === 1} />
      ))}
      {groups.length > groupsMax && (
        <p class="quiet">{`${groups.length - groupsMax} more answers: see the list of agents`}</p>
      )}
    </>
  );
}

function GroupBox({ group, isOnly }: { group: Group; isOnly: boolean }) {
  const { requests, state, tone, text } = group;
  const count = requests.length;
  const [first = ""] = plain(text.slice(0, firstCharsMax)).split("\n", 1);
  const names = requests.slice(0, 3).map(({ agent }) => agent);
  const agents = `${names.join(", ")}${count > 3 ? `, and ${count - 3} more` : ""}`;
  return (
    <details class="group" open={isOnly || tone === "bad"}>
      <summary>
        <Badge text={state} tone={tone} />
        <strong>{count === 1 ? visible(names[0]) : `${count} agents`}</strong>
        <span class="quiet one-line">
          {visible(count === 1 ? first : [agents, first].filter(Boolean).join(": "))}
        </span>
      </summary>
      <Answer request={requests[0]} />
      <ul class="chips">
        {requests.slice(0, agentsMax).map(({ agent, request_id: id, duration_ms: ms, result }) => (
          <li key={id}>
            <AgentLink id={agent} /> <span class="quiet">{took(ms)}</span>
            {may("artifacts.read") &&
              artifactsIn(result).map((found) => (
                <Download key={found.id} id={found.id} text={`Download ${found.name}`} />
              ))}
          </li>
        ))}
        {count > agentsMax && <li>{`${count - agentsMax} more`}</li>}
      </ul>
    </details>
  );
}

/** The message of a request, then its result: texts of programs as they wrote them. */
function Answer({ request }: { request: RequestView | undefined }) {
  if (request === undefined) return null;
  const { code, message } = request;
  const result = withoutArtifacts(request.result);
  const said = answerText({ ...(code && { code }), ...(message && { message }) });
  const isObject = typeof result === "object" && result !== null && !Array.isArray(result);
  const entries = isObject ? Object.entries(result as Record<string, unknown>) : [];
  const texts = entries.filter(([, value]) => typeof value === "string" && /[\n\x1b]/.test(value));
  const others = Object.fromEntries(entries.filter((entry) => !texts.includes(entry)));
  const rest = isObject ? others : result;
  const isRest = isObject ? Object.keys(others).length > 0 : result !== undefined;
  return (
    <div class="answer">
      {said !== "" && <Text text={said} />}
      {texts.map(([name, value]) => (
        <div key={name}>
          <p class="quiet">{visible(name)}</p>
          <Text text={String(value)} />
        </div>
      ))}
      {isRest && <Text text={typeof rest === "string" ? rest : jsonText(rest)} />}
    </div>
  );
}

function Text({ text }: { text: string }) {
  return <pre tabIndex={0}>{<AnsiText text={text} />}</pre>;
}

const shortChars = 80;

function jsonText(value: unknown): string {
  const short = JSON.stringify(value);
  return short.length <= shortChars ? short : JSON.stringify(value, null, 2);
}

function AnsiText({ text }: { text: string }) {
  return (
    <>
      {text.split("\n").map((line, index) => (
        <span key={index}>
          <AnsiLine text={line} />
          {"\n"}
        </span>
      ))}
    </>
  );
}

/** The address of a download is valid for a short time, so it is fetched when it is wanted. */
export function Download({ id, text }: { id: string; text: string }) {
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      const path = `api/v1/artifacts/${encodeURIComponent(id)}`;
      const { download: found, state } = await get<ArtifactDetail>(path);
      if (found === undefined) say(`Cannot download: it is ${state}`, { isBad: true });
      else location.assign(webAddress(found.url));
    } catch (error) {
      say((error as Error).message, { isBad: true });
    }
    setBusy(false);
  };
  return (
    <button type="button" onClick={download} disabled={isBusy}>
      {visible(text)}
    </button>
  );
}

function webAddress(url: string): string {
  const { protocol } = new URL(url, location.href);
  if (/^https?:$/.test(protocol)) return url;
  throw new Error("Cannot download: its address is no web address");
}

const columns: readonly Column<RequestView>[] = [
  {
    id: "agent",
    label: "Agent",
    width: "minmax(9rem, 1.5fr)",
    sortBy: ({ agent }) => agent,
    render: ({ agent }) => <AgentLink id={agent} />,
  },
  {
    id: "outcome",
    label: "Outcome",
    width: "8rem",
    sortBy: ({ state }) => `${{ bad: 0, wait: 1, off: 2, good: 3 }[requestTone(state)]}${state}`,
    render: ({ state }) => <Badge text={state} tone={requestTone(state)} />,
  },
  {
    id: "queued",
    label: "Waited",
    width: "5rem",
    isWide: true,
    sortBy: ({ queue_ms = 0 }) => queue_ms,
    render: ({ queue_ms }) => took(queue_ms),
  },
  {
    id: "took",
    label: "Took",
    width: "5rem",
    sortBy: ({ duration_ms = 0 }) => duration_ms,
    render: ({ duration_ms }) => took(duration_ms),
  },
  {
    id: "answer",
    label: "Answer",
    width: "minmax(10rem, 4fr)",
    isWide: true,
    render: (request) => {
      const text = visible(answerText(request));
      return <span title={text}>{text}</span>;
    },
  },
];

export function RequestTable({ requests }: { requests: readonly RequestView[] }) {
  const [sort, setSort] = useState({ id: "outcome", isDown: false });
  return (
    <Table
      label="Requests"
      columns={columns}
      rows={sorted(requests, columns, sort)}
      keyOf={({ request_id }) => request_id}
      sort={sort}
      onSort={setSort}
    />
  );
}
