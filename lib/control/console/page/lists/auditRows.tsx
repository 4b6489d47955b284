/** Entries of the audit trail as rows, newest first. */
import type { AuditLine } from "../../../../protocol/api/audit.ts";
import { Badge, Empty, Time } from "../parts/badge.tsx";
import { type Tone, visible } from "../state/format.ts";
import { href } from "../state/router.ts";
import { type Column, Table } from "./table.tsx";

const tones: Record<string, Tone> = { started: "wait", accepted: "good", success: "good" };

const columns: readonly Column<AuditLine>[] = [
  {
    id: "at",
    label: "Time",
    width: "5rem",
    render: ({ record }) => <Time at={record.at} />,
  },
  {
    id: "action",
    label: "Action",
    width: "minmax(6rem, 1.6fr)",
    render: ({ record }) => <strong>{visible(record.action)}</strong>,
  },
  {
    id: "outcome",
    label: "Outcome",
    width: "minmax(6rem, 1.4fr)",
    render: ({ record: { outcome, code } }) => (
      <Badge
        text={code === undefined ? outcome : `${outcome}: ${code}`}
        tone={tones[outcome] ?? "bad"}
      />
    ),
  },
  {
    id: "actor",
    label: "By",
    width: "minmax(7rem, 1fr)",
    isWide: true,
    render: ({ record: { actor = "nobody", actor_name: name, role = "" } }) => (
      <span title={visible(actor)}>{visible(`${name ?? actor} ${role}`)}</span>
    ),
  },
  {
    id: "resource",
    label: "About",
    width: "minmax(10rem, 3fr)",
    isWide: true,
    render: ({ record: { resource = {} } }) => <About resource={resource} />,
  },
];

/** What was changed; jobs and agents are links. */
function About({ resource }: { resource: Readonly<Record<string, unknown>> }) {
  const { job_id: job, agent, ...rest } = resource;
  const text = visible(
    Object.entries(rest)
      .map(
        ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      )
      .join(" "),
  );
  return (
    <span title={text}>
      {typeof job === "string" && <a href={href(["jobs", job])}>job</a>}{" "}
      {typeof agent === "string" && <a href={href(["agents", agent])}>{visible(agent)}</a>} {text}
    </span>
  );
}

/** @param lines Oldest first, as the control plane returns them. */
export function AuditRows({ lines }: { lines: readonly AuditLine[] }) {
  if (lines.length === 0) return <Empty title="No entry matches" />;
  const rows = [...lines].reverse();
  const keyOf = ({ record }: AuditLine) => String(record.sequence);
  return <Table label="Audit" columns={columns} rows={rows} keyOf={keyOf} />;
}
