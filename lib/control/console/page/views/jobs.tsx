/** All jobs: filters, full-text search, and older pages on demand. */
import { useState } from "preact/hooks";
import type { JobStatus, JobView, Page } from "../../../../protocol/api/views.ts";
import { JobTable } from "../lists/jobTable.tsx";
import { Empty, Problem, Skeleton } from "../parts/badge.tsx";
import { get } from "../state/api.ts";
import { useLive } from "../state/live.ts";
import { href, route, setQuery } from "../state/router.ts";
import { may } from "../state/session.ts";

const jobStatuses: readonly JobStatus[] = [
  ...(["open", "success", "failed", "error", "expired", "cancelled", "lost"] as const),
];
const spans: Record<string, number> = { hour: 1, day: 24, week: 7 * 24, month: 30 * 24 };
const hourMs = 60 * 60 * 1000;
const pageSize = 100;
const shownMax = 500;
const filters = ["search", "status", "command", "agent", "created_by"] as const;

export function JobsPage() {
  const [wanted, setWanted] = useState(pageSize);
  const { query } = route.value;
  const span = query.get("since") ?? "";
  const given = filters.map((name) => [name, query.get(name) ?? ""] as const);
  const filled = given.filter(([, value]) => value.trim() !== "");
  const isFiltered = filled.length > 0 || span !== "";
  const key = `jobs ${wanted} ${span} ${JSON.stringify(filled)}`;
  const { data, error } = useLive(
    key,
    (signal) => {
      const search = new URLSearchParams(filled.map(([name, value]) => [name, value.trim()]));
      search.set("limit", String(wanted));
      const hours = spans[span];
      if (hours !== undefined) {
        search.set("since", new Date(Date.now() - hours * hourMs).toISOString());
      }
      return get<Page<JobView>>(`api/v1/jobs?${search}`, signal);
    },
    { everyMs: isFiltered ? 4_000 : 2_000 },
  );
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Jobs</h1>
        {may("jobs.create") && (
          <span class="buttons">
            <a class="button primary" href={href(["run"])}>
              Run a command
            </a>
          </span>
        )}
      </div>
      <Filters />
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton rows={12} />}
      {data?.items.length === 0 && <NoJobs isFiltered={isFiltered} />}
      {data !== undefined && data.items.length > 0 && <JobTable jobs={data.items} />}
      {data?.next_cursor !== undefined && wanted < shownMax && (
        <p>
          <button type="button" onClick={() => setWanted(Math.min(shownMax, wanted + pageSize))}>
            Show older jobs
          </button>
        </p>
      )}
    </>
  );
}

function Filters() {
  const { query } = route.value;
  const field = (name: (typeof filters)[number], label: string) => (
    <input
      aria-label={label}
      placeholder={label}
      autocomplete="off"
      spellcheck={false}
      value={query.get(name) ?? ""}
      onInput={(event) => setQuery({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <div class="filters">
      <input
        type="search"
        aria-label="Search jobs"
        placeholder="Whole words of messages and codes"
        autocomplete="off"
        spellcheck={false}
        value={query.get("search") ?? ""}
        onInput={(event) => setQuery({ search: event.currentTarget.value })}
      />
      <select
        aria-label="Outcome"
        value={query.get("status") ?? ""}
        onChange={(event) => setQuery({ status: event.currentTarget.value })}
      >
        <option value="">Any outcome</option>
        {jobStatuses.map((status) => (
          <option key={status} value={status}>
            {status}
          </option>
        ))}
      </select>
      <select
        aria-label="Created"
        value={query.get("since") ?? ""}
        onChange={(event) => setQuery({ since: event.currentTarget.value })}
      >
        <option value="">Any time</option>
        {Object.keys(spans).map((name) => (
          <option key={name} value={name}>
            {`Last ${name}`}
          </option>
        ))}
      </select>
      {field("command", "Command")}
      {field("agent", "Agent")}
      {field("created_by", "Created by")}
    </div>
  );
}

function NoJobs({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    const none = Object.fromEntries([...filters, "since"].map((name) => [name, ""]));
    return (
      <Empty title="No job matches">
        <button type="button" onClick={() => setQuery(none)}>
          Clear the filters
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="No jobs yet">
      <p>
        Run <code>wsctl send ping --all</code>
        {may("jobs.create") && (
          <>
            , or <a href={href(["run"])}>run a command here</a>
          </>
        )}
        .
      </p>
    </Empty>
  );
}
