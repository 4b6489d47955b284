/**
 * The operator's side of the HTTP API, for the command line and for programs. Every failure is a
 * `WsctlError` whose code is the control plane's own, or `UNREACHABLE`.
 */
import type { ArtifactDetail, ArtifactView } from "../protocol/api/artifacts.ts";
import type { AuditPage, VerifyResult } from "../protocol/api/audit.ts";
import type { JobRequestInput, RetryRequest } from "../protocol/api/jobs.ts";
import type { ScheduleRequestInput, ScheduleView } from "../protocol/api/schedules.ts";
import type { TargetQuery, TargetView } from "../protocol/api/target.ts";
import type { NewToken, TokenRequestInput, TokenView } from "../protocol/api/tokens.ts";
import type {
  AcceptedLine,
  AgentDetail,
  AgentView,
  JobDetail,
  JobView,
  Page,
  ReleaseRequest,
  ReleaseView,
  StreamLine,
} from "../protocol/api/views.ts";
import { JobStreams, type SendOptions, type SubmittedJob } from "./jobStream.ts";
import type { JobsQuery } from "./jobsQuery.ts";
import { formatQuery, segment } from "./request.ts";
import { type ClientOptions, Transport } from "./transport.ts";

export type { SendOptions, SubmittedJob } from "./jobStream.ts";
export type { ClientOptions } from "./transport.ts";

export class Client {
  readonly #http: Transport;
  readonly #streams: JobStreams;

  constructor(options: ClientOptions) {
    this.#http = new Transport(options);
    this.#streams = new JobStreams(this.#http);
  }

  /**
   * Asks for a job and follows it to its last outcome. The job is asked for under a key of its own,
   * so that a lost answer never makes a second one; a broken stream is resumed where it broke.
   */
  send(order: JobRequestInput, options?: SendOptions): Promise<SubmittedJob> {
    return this.#streams.send(order, "/api/v1/jobs", options);
  }

  /** The same for some of the agents of a job that has ended. */
  retryJob(jobId: string, order: RetryRequest, options?: SendOptions): Promise<SubmittedJob> {
    return this.#streams.send(order, `/api/v1/jobs/${segment(jobId)}/retry`, options);
  }

  /** A job that was asked for before, from its first outcome and the output that is still there. */
  watchJob(job: JobView, options?: SendOptions): AsyncIterable<StreamLine> {
    return this.#streams.follow(job, options);
  }

  /** Asks for a job and does not wait for it. */
  sendOnly(order: JobRequestInput): Promise<AcceptedLine> {
    return this.#streams.sendOnly(order, "/api/v1/jobs");
  }

  /** The newest first; a page may hold fewer than the limit although more follow. */
  jobs(query: JobsQuery = {}): Promise<Page<JobView>> {
    return this.#http.get(`/api/v1/jobs${formatQuery({ ...query })}`);
  }

  job(jobId: string): Promise<JobDetail> {
    return this.#http.get(`/api/v1/jobs/${segment(jobId)}`);
  }

  /** Withdraws what of the job was not sent yet. */
  cancelJob(jobId: string): Promise<JobDetail> {
    return this.#postDecision(jobId, "cancel");
  }

  /** Lets a job go out that another operator has asked for. */
  approveJob(jobId: string): Promise<JobView> {
    return this.#postDecision(jobId, "approve");
  }

  /** Holds back what of the job was not sent, until it is resumed. */
  pauseJob(jobId: string): Promise<JobView> {
    return this.#postDecision(jobId, "pause");
  }

  resumeJob(jobId: string): Promise<JobView> {
    return this.#postDecision(jobId, "resume");
  }

  async #postDecision<T>(jobId: string, what: string): Promise<T> {
    const path = `/api/v1/jobs/${segment(jobId)}/${what}`;
    return this.#http.post(path);
  }

  createSchedule(order: ScheduleRequestInput): Promise<ScheduleView> {
    return this.#http.post("/api/v1/schedules", order);
  }

  async schedules(): Promise<ScheduleView[]> {
    return (await this.#http.get<Page<ScheduleView>>("/api/v1/schedules")).items;
  }

  schedule(name: string): Promise<ScheduleView> {
    return this.#http.get(`/api/v1/schedules/${segment(name)}`);
  }

  setSchedulePaused(name: string, what: "pause" | "resume"): Promise<ScheduleView> {
    return this.#http.post(`/api/v1/schedules/${segment(name)}/${what}`);
  }

  /** Its command at once, beside the runs that come due. */
  runSchedule(name: string): Promise<{ job_id: string }> {
    return this.#http.post(`/api/v1/schedules/${segment(name)}/run`);
  }

  async deleteSchedule(name: string): Promise<void> {
    const path = `/api/v1/schedules/${segment(name)}`;
    await this.#http.fetch(path, { method: "DELETE" });
  }

  /** Whom a target means, and who is left out. */
  targets(query: TargetQuery): Promise<TargetView> {
    return this.#http.post("/api/v1/targets", query);
  }

  async agents(which: { selector?: string; latency?: boolean } = {}): Promise<AgentView[]> {
    const agents: AgentView[] = [];
    let cursor: string | undefined;
    do {
      const query = { ...which, ...(cursor === undefined ? {} : { cursor }) };
      const page: Page<AgentView> = await this.#http.get(`/api/v1/agents${formatQuery(query)}`);
      agents.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return agents;
  }

  agent(agentId: string): Promise<AgentDetail> {
    return this.#http.get(`/api/v1/agents/${segment(agentId)}`);
  }

  /** By label its new value, or null where it is taken away. */
  async labelAgent(agentId: string, labels: Record<string, string | null>): Promise<AgentView> {
    const path = `/api/v1/agents/${segment(agentId)}/labels`;
    return this.#http.post(path, { labels });
  }

  /** Whether it takes no new jobs. */
  async drainAgent(agentId: string, drained: boolean): Promise<AgentView> {
    const path = `/api/v1/agents/${segment(agentId)}/${drained ? "drain" : "undrain"}`;
    return this.#http.post(path);
  }

  async deleteAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${segment(agentId)}`;
    await this.#http.fetch(path, { method: "DELETE" });
  }

  /** The newest first. */
  artifacts(query: { limit?: number; cursor?: string } = {}): Promise<Page<ArtifactView>> {
    return this.#http.get(`/api/v1/artifacts${formatQuery(query)}`);
  }

  /** With a fresh URL to download it by, once it is ready. */
  artifact(artifactId: string): Promise<ArtifactDetail> {
    return this.#http.get(`/api/v1/artifacts/${segment(artifactId)}`);
  }

  publishRelease(order: ReleaseRequest): Promise<ReleaseView> {
    return this.#http.post("/api/v1/releases", order);
  }

  /** The newest version first. */
  async releases(): Promise<ReleaseView[]> {
    const page: Page<ReleaseView> = await this.#http.get("/api/v1/releases");
    return page.items;
  }

  async deleteRelease(version: string): Promise<void> {
    await this.#http.fetch(`/api/v1/releases/${segment(version)}`, { method: "DELETE" });
  }

  async deleteArtifact(artifactId: string): Promise<void> {
    await this.#http.fetch(`/api/v1/artifacts/${segment(artifactId)}`, {
      method: "DELETE",
    });
  }

  createToken(order: TokenRequestInput): Promise<NewToken> {
    return this.#http.post("/api/v1/tokens", order);
  }

  async tokens(): Promise<TokenView[]> {
    const page: Page<TokenView> = await this.#http.get("/api/v1/tokens");
    return page.items;
  }

  async revokeToken(tokenId: string): Promise<void> {
    await this.#http.fetch(`/api/v1/tokens/${segment(tokenId)}`, { method: "DELETE" });
  }

  /** Another secret for the same token; the old one is void. */
  rotateToken(tokenId: string): Promise<NewToken> {
    return this.#http.post(`/api/v1/tokens/${segment(tokenId)}/rotate`);
  }

  async approveAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${segment(agentId)}/approve`;
    await this.#http.fetch(path, { method: "POST" });
  }

  /** How many tokens and keys it had. */
  async revokeAgent(agentId: string): Promise<number> {
    const path = `/api/v1/agents/${segment(agentId)}/revoke`;
    const answer = await (await this.#http.fetch(path, { method: "POST" })).json();
    return (answer as { revoked_tokens: number }).revoked_tokens;
  }

  /** One page of the audit trail, the oldest first; without a place to go on from, the newest. */
  auditTrail(query: { limit?: number; after?: number } = {}): Promise<AuditPage> {
    return this.#http.get(`/api/v1/audit${formatQuery(query)}`);
  }

  /** `head`: SEQUENCE:HASH, as it was kept before. */
  verifyAudit(head?: string): Promise<VerifyResult> {
    return this.#http.get(
      `/api/v1/audit/verify${formatQuery(head === undefined ? {} : { head })}`,
      null,
    );
  }

  whoami(): Promise<TokenView> {
    return this.#http.get("/api/v1/whoami");
  }
}
