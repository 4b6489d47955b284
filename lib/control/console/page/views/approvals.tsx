/** What waits for a second person: jobs, and agents that want to join. */
import type { JobView, Page } from "../../../../protocol/api/views.ts";
import { AgentLink, Empty, Facts, Problem, Skeleton, Time } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { get } from "../state/api.ts";
import { useFleet } from "../state/fleet.ts";
import { counted, creator, targetText, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { href } from "../state/router.ts";
import { may, session } from "../state/session.ts";

export function ApprovalsPage() {
  const agents = useFleet();
  const { data, error, refresh } = useLive("open", (signal) =>
    get<Page<JobView>>("api/v1/jobs?status=open&limit=50", signal),
  );
  const jobs = data?.items.filter(({ approval }) => approval?.status === "pending") ?? [];
  const joining = agents?.filter(({ access }) => access === "pending") ?? [];
  const isKnown = data !== undefined && agents !== undefined;
  return (
    <>
      <h1 tabIndex={-1}>Approvals</h1>
      <Problem text={error} />
      {!isKnown && error === "" && <Skeleton />}
      {isKnown && jobs.length + joining.length === 0 && (
        <Empty title="Nothing waits for approval">
          <p>
            <code>wsctl serve --require-approval-for update,exec</code> makes a second operator
            approve these commands, and <code>--approve-agents</code> holds agents that join.
          </p>
        </Empty>
      )}
      <ul class="cards">
        {jobs.map((job) => (
          <PendingJob key={job.job_id} job={job} refresh={refresh} />
        ))}
        {joining.map(({ agent_id: id, address, hostname }) => (
          <li key={id} class="card">
            <div class="title">
              <h2>
                <AgentLink id={id} />
              </h2>
              <span class="quiet">
                {visible(`wants to join ${address ?? ""} ${hostname ?? ""}`)}
              </span>
              {may("agents.manage") && (
                <span class="buttons">
                  <button
                    type="button"
                    class="primary"
                    onClick={() =>
                      act({
                        path: `api/v1/agents/${encodeURIComponent(id)}/approve`,
                        done: `Approved ${id}`,
                        isSensitive: true,
                      })
                    }
                  >
                    Approve
                  </button>
                </span>
              )}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

function PendingJob({ job, refresh }: { job: JobView; refresh: () => void }) {
  const path = `api/v1/jobs/${encodeURIComponent(job.job_id)}`;
  const isOwn = job.created_by === session.value.id;
  const decide = async (what: string, done: string, isSensitive: boolean) => {
    await act({ path: `${path}/${what}`, done: `${done} ${job.command}`, isSensitive });
    refresh();
  };
  return (
    <li class="card">
      <div class="title">
        <h2>
          <a href={href(["jobs", job.job_id])}>{visible(job.command)}</a>
        </h2>
        <span class="buttons">
          {may("jobs.approve") && !isOwn && (
            <button
              type="button"
              class="primary"
              onClick={() => decide("approve", "Approved", true)}
            >
              Approve
            </button>
          )}
          {may("jobs.create") && (
            <button
              type="button"
              class="danger"
              onClick={() => decide("cancel", "Cancelled", false)}
            >
              Cancel job
            </button>
          )}
        </span>
      </div>
      {isOwn && <p class="quiet">You created this job, so another operator must approve it.</p>}
      <Facts
        facts={[
          ["Target", `${targetText(job.target)} (${counted(job.total, "agent")})`],
          ["By", creator(job)],
          ["Reason", job.reason],
          ["Created", <Time key="created" at={job.created_at} />],
        ]}
      />
    </li>
  );
}
