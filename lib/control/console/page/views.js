/** The three views: each reads its data from the API and renders it. */
import { get } from "./api.js";
import {
  agentState,
  ago,
  answerText,
  jobProgress,
  jobState,
  labelsText,
  requestTone,
  took,
} from "./format.js";
import { showFacts, showRows } from "./tableRows.js";

const requestsShownMax = 500;
const jobsShownMax = 500;
const byId = (id) => document.getElementById(id);
let jobsWanted = 50;

export function wantOlderJobs() {
  jobsWanted = Math.min(jobsShownMax, jobsWanted + 50);
}

export async function agentsView() {
  const { items, next_cursor: more } = await get("api/v1/agents?limit=1000");
  return { show: () => showAgents(items, more !== undefined) };
}

function showAgents(items, isPart) {
  const wanted = byId("filter").value.toLowerCase();
  const found = items.filter((agent) =>
    `${agent.agent_id} ${labelsText(agent.labels)}`.toLowerCase().includes(wanted),
  );
  const online = items.filter((agent) => agent.online).length;
  const known = isPart ? `The first ${items.length} agents by name` : `${items.length} agents`;
  const shown = wanted === "" ? "" : `, ${found.length} shown`;
  byId("agents-count").textContent = `${known}, ${online} online${shown}`;
  const now = Date.now();
  const rows = found.map((agent) => {
    const state = agentState(agent);
    return {
      key: agent.agent_id,
      cells: [
        { label: "Agent", text: agent.agent_id },
        { label: "State", ...state },
        { label: "Version", text: agent.version ?? "" },
        { label: "Labels", text: labelsText(agent.labels) },
        { label: "Last seen", text: ago(agent.last_seen_at, now) },
        { label: "CPU", text: agent.cpu_usage ?? "" },
        { label: "Memory", text: agent.memory_usage ?? "" },
        { label: "Open", text: agent.open_requests },
      ],
    };
  });
  showRows(byId("agents-rows"), rows);
}

export async function jobsView() {
  const { items, next_cursor: more } = await get(`api/v1/jobs?limit=${jobsWanted}`);
  const show = () => {
    const now = Date.now();
    byId("jobs-empty").hidden = items.length > 0;
    byId("older").hidden = more === undefined || jobsWanted >= jobsShownMax;
    const rows = items.map((job) => ({
      key: job.job_id,
      cells: [
        { label: "Command", text: job.command, href: `#/jobs/${encodeURIComponent(job.job_id)}` },
        { label: "State", ...jobState(job) },
        { label: "Progress", text: jobProgress(job), share: { value: job.ended, max: job.total } },
        { label: "Created", text: ago(job.created_at, now) },
        { label: "By", text: job.created_by },
      ],
    }));
    showRows(byId("jobs-rows"), rows);
  };
  return { show };
}

export async function jobView(id) {
  const job = await get(`api/v1/jobs/${encodeURIComponent(id)}`);
  const show = () => {
    byId("job-title").textContent = `Job ${job.job_id}`;
    const parameters =
      job.parameters === undefined ? "none" : JSON.stringify(job.parameters, null, 2);
    showFacts(byId("job-facts"), [
      ["Command", job.command],
      ["State", jobState(job).text],
      ["Progress", jobProgress(job)],
      ["Parameters", parameters],
      ["Target", JSON.stringify(job.target)],
      ["Created", job.created_at],
      ["By", job.created_by],
    ]);
    // Failed requests are listed first.
    const order = { bad: 0, wait: 1, good: 2 };
    const sorted = job.requests
      .map((request) => ({ ...request, tone: requestTone(request.state) }))
      .sort((a, b) => order[a.tone] - order[b.tone]);
    const left = sorted.length - requestsShownMax;
    byId("job-more").textContent = left > 0 ? `${left} more: wsctl jobs show ${job.job_id}` : "";
    const rows = sorted.slice(0, requestsShownMax).map((request) => ({
      key: request.request_id,
      cells: [
        { label: "Agent", text: request.agent },
        { label: "Outcome", text: request.state, tone: request.tone },
        { label: "Duration", text: took(request.duration_ms) },
        { label: "Message", text: answerText(request), isLong: true },
      ],
    }));
    showRows(byId("job-rows"), rows);
  };
  return { show, isOver: job.ended >= job.total };
}
