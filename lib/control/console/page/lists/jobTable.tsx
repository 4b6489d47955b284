/** Jobs as rows. */
import type { JobView } from "../../../../protocol/api/views.ts";
import { Badge, Progress, Time } from "../parts/badge.tsx";
import { jobState, targetText, visible } from "../state/format.ts";
import { href } from "../state/router.ts";
import { type Column, Table } from "./table.tsx";

const columns: readonly Column<JobView>[] = [
  {
    id: "command",
    label: "Command",
    width: "minmax(5rem, 1.5fr)",
    render: ({ command, job_id }) => (
      <a class="main" href={href(["jobs", job_id])}>
        {visible(command)}
      </a>
    ),
  },
  {
    id: "state",
    label: "State",
    width: "minmax(6.5rem, 1.4fr)",
    render: (job) => <Badge {...jobState(job)} />,
  },
  {
    id: "progress",
    label: "Progress",
    width: "minmax(5rem, 1fr)",
    render: (job) => <Progress job={job} />,
  },
  {
    id: "target",
    label: "Target",
    width: "minmax(8rem, 2fr)",
    isWide: true,
    render: ({ target }) => {
      const text = visible(targetText(target));
      return <span title={text}>{text}</span>;
    },
  },
  {
    id: "created",
    label: "Created",
    width: "6.5rem",
    isWide: true,
    render: ({ created_at }) => <Time at={created_at} />,
  },
  {
    id: "by",
    label: "By",
    width: "minmax(7rem, 1fr)",
    isWide: true,
    render: ({ created_by, created_by_name: name, schedule }) =>
      visible(schedule === undefined ? (name ?? created_by) : `${schedule} (schedule)`),
  },
];

export function JobTable({ jobs }: { jobs: readonly JobView[] }) {
  return <Table label="Jobs" columns={columns} rows={jobs} keyOf={({ job_id }) => job_id} />;
}
