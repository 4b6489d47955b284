/**
 * The client of the HTTP API, for the command line and for programs. Every failure is a
 * `WsctlError` with the code of the control plane, or `UNREACHABLE`.
 */

import type { ArtifactDetail, ArtifactView } from "../protocol/api/artifacts.ts";
import type { AuditPage, ToolCall, VerifyResult } from "../protocol/api/audit.ts";
import type { AuditFilter } from "../protocol/api/auditFilter.ts";
import type { ClusterStatus } from "../protocol/api/cluster.ts";
import type { ControlPlaneEvent } from "../protocol/api/events.ts";
import type { JobRequestInput, RetryRequest } from "../protocol/api/jobs.ts";
import type { ReleaseRequest, ReleaseView } from "../protocol/api/releases.ts";
import type { ScheduleRequestInput, ScheduleView } from "../protocol/api/schedules.ts";
import type { TargetQuery, TargetView } from "../protocol/api/target.ts";
import type { NewToken, TokenRequestInput, TokenView } from "../protocol/api/tokens.ts";
import type {
  AcceptedLine,
  AgentDetail,
  AgentView,
  JobDetail,
  JobsPage,
  JobView,
  Page,
  StreamLine,
} from "../protocol/api/views.ts";
import { WsctlError } from "../protocol/errors.ts";
import { SavedTargetClient, TemplateClient, WebhookClient } from "./definitions.ts";
import type { EventOptions } from "./eventStream.ts";
import { JobStreams, type SendOptions, type SubmittedJob } from "./jobStream.ts";
import type { ArtifactsQuery, JobsQuery } from "./jobsQuery.ts";
import { formatQuery, segment } from "./request.ts";
import type { ClientSession } from "./session/clientSession.ts";
import { type ClientOptions, Transport } from "./transport.ts";

export type { SendOptions, SubmittedJob } from "./jobStream.ts";
export type { ClientOptions } from "./transport.ts";

export class Client {
  readonly #http: Transport;
  readonly #streams: JobStreams;
  readonly templates: TemplateClient;
  readonly savedTargets: SavedTargetClient;
  readonly webhooks: WebhookClient;

  constructor(options: ClientOptions) {
    this.#http = new Transport(options);
    this.#streams = new JobStreams(this.#http);
    this.templates = new TemplateClient(this.#http, this.#streams);
    this.savedTargets = new SavedTargetClient(this.#http);
    this.webhooks = new WebhookClient(this.#http);
  }

  /**
   * Creates a job and follows it to its last outcome. The request has an Idempotency-Key, so that a
   * lost response does not create a second job; an interrupted stream is resumed.
   */
  send(job: JobRequestInput, options?: SendOptions): Promise<SubmittedJob> {
    return this.#streams.send(job, "/api/v1/jobs", options);
  }

  /** Retries some of the requests of an ended job as a new job and follows it. */
  retryJob(jobId: string, retry: RetryRequest, options?: SendOptions): Promise<SubmittedJob> {
    return this.#streams.send(retry, `/api/v1/jobs/${segment(jobId)}/retry`, options);
  }

  /** Follows an existing job from its first outcome, with the output that is still available. */
  watchJob(job: JobView, options?: SendOptions): AsyncIterable<StreamLine> {
    return this.#streams.follow(job, options);
  }

  /**
   * Opens one connection for many jobs, which costs less for each of them than a request of its
   * own. Close it in the end.
   *
   * @throws {WsctlError} the code of the control plane, or UNREACHABLE
   */
  async session(): Promise<ClientSession> {
    // Loaded here, and so is the reader of events: few programs use them, and each takes long.
    const { openSession } = await import("./session/clientSession.ts");
    return openSession(this.#http);
  }

  /** Creates a job without waiting for its outcomes. */
  sendOnly(job: JobRequestInput): Promise<AcceptedLine> {
    return this.#streams.sendOnly(job, "/api/v1/jobs");
  }

  /** Newest first. A page may have fewer jobs than the limit although more follow. */
  jobs(query: JobsQuery = {}): Promise<JobsPage> {
    return this.#http.get(`/api/v1/jobs${formatQuery({ ...query })}`);
  }

  /** @throws {WsctlError} NOT_FOUND if the control plane is not a node of a cluster */
  cluster(): Promise<ClusterStatus> {
    return this.#http.get("/api/v1/cluster");
  }

  job(jobId: string): Promise<JobDetail> {
    return this.#http.get(`/api/v1/jobs/${segment(jobId)}`);
  }

  /** Cancels the requests of the job. */
  cancelJob(jobId: string): Promise<JobDetail> {
    return this.#postDecision(jobId, "cancel");
  }

  /** Approves a job that another operator created. */
  approveJob(jobId: string): Promise<JobView> {
    return this.#postDecision(jobId, "approve");
  }

  /** Pauses the requests of the job that were not sent. */
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

  createSchedule(schedule: ScheduleRequestInput): Promise<ScheduleView> {
    return this.#http.post("/api/v1/schedules", schedule);
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

  /** Runs the schedule now, in addition to its due runs. */
  runSchedule(name: string): Promise<{ job_id: string }> {
    return this.#http.post(`/api/v1/schedules/${segment(name)}/run`);
  }

  async deleteSchedule(name: string): Promise<void> {
    const path = `/api/v1/schedules/${segment(name)}`;
    await this.#http.fetch(path, { method: "DELETE" });
  }

  /** Resolves a target and lists the skipped agents. */
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

  /** @param labels The new value of each label, or null to remove it. */
  async labelAgent(agentId: string, labels: Record<string, string | null>): Promise<AgentView> {
    const path = `/api/v1/agents/${segment(agentId)}/labels`;
    return this.#http.post(path, { labels });
  }

  /** Sets whether the agent takes new jobs. */
  async drainAgent(agentId: string, drained: boolean): Promise<AgentView> {
    const path = `/api/v1/agents/${segment(agentId)}/${drained ? "drain" : "undrain"}`;
    return this.#http.post(path);
  }

  async deleteAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${segment(agentId)}`;
    await this.#http.fetch(path, { method: "DELETE" });
  }

  /** Newest first. */
  artifacts(query: ArtifactsQuery = {}): Promise<Page<ArtifactView>> {
    return this.#http.get(`/api/v1/artifacts${formatQuery({ ...query })}`);
  }

  /** Returns the artifact with a new download URL once it is ready. */
  artifact(artifactId: string): Promise<ArtifactDetail> {
    return this.#http.get(`/api/v1/artifacts/${segment(artifactId)}`);
  }

  /** Streams the content of an artifact that is ready. */
  async artifactContent(artifactId: string): Promise<ReadableStream<Uint8Array>> {
    const { download } = await this.artifact(artifactId);
    if (download === undefined) {
      throw new WsctlError(
        "NOT_FOUND",
        `Cannot download artifact "${artifactId}": it is not ready`,
      );
    }
    return this.#http.guard(await this.#http.download(download.url));
  }

  publishRelease(release: ReleaseRequest): Promise<ReleaseView> {
    return this.#http.post("/api/v1/releases", release);
  }

  /** Newest version first. */
  async releases(): Promise<ReleaseView[]> {
    const page: Page<ReleaseView> = await this.#http.get("/api/v1/releases");
    return page.items;
  }

  async deleteRelease(version: string): Promise<void> {
    await this.#http.fetch(`/api/v1/releases/${segment(version)}`, { method: "DELETE" });
  }

  /** Returns the whole id. */
  async deleteArtifact(artifactId: string): Promise<Pick<ArtifactView, "artifact_id">> {
    const path = `/api/v1/artifacts/${segment(artifactId)}`;
    return this.#http.json(path, { method: "DELETE" });
  }

  createToken(token: TokenRequestInput): Promise<NewToken> {
    return this.#http.post("/api/v1/tokens", token);
  }

  async tokens(): Promise<TokenView[]> {
    const page: Page<TokenView> = await this.#http.get("/api/v1/tokens");
    return page.items;
  }

  async revokeToken(tokenId: string): Promise<Pick<TokenView, "token_id">> {
    const path = `/api/v1/tokens/${segment(tokenId)}`;
    return this.#http.json(path, { method: "DELETE" });
  }

  /** Replaces the secret of the token; the old one stops working. */
  rotateToken(tokenId: string): Promise<NewToken> {
    return this.#http.post(`/api/v1/tokens/${segment(tokenId)}/rotate`);
  }

  async approveAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${segment(agentId)}/approve`;
    await this.#http.fetch(path, { method: "POST" });
  }

  /** Revokes the agent and returns the number of its tokens and keys. */
  async revokeAgent(agentId: string): Promise<number> {
    const path = `/api/v1/agents/${segment(agentId)}/revoke`;
    const answer = await this.#http.post<{ revoked_tokens: number }>(path);
    return answer.revoked_tokens;
  }

  /** Returns one page of the audit trail, oldest first; without `after`, the newest entries. */
  auditTrail(query: AuditFilter & { limit?: number; after?: number } = {}): Promise<AuditPage> {
    return this.#http.get(`/api/v1/audit${formatQuery({ ...query })}`);
  }

  /** Follows the events; ends when the signal is aborted. */
  async *events(options: EventOptions): AsyncGenerator<ControlPlaneEvent> {
    const { followEvents } = await import("./eventStream.ts");
    yield* followEvents(this.#http, options);
  }

  /** Streams a backup of the control plane, as a tar archive. */
  async backup(withSecrets: boolean): Promise<ReadableStream<Uint8Array>> {
    const query = formatQuery(withSecrets ? { secrets: true } : {});
    return this.#http.guard(await this.#http.fetch(`/api/v1/backup${query}`, {}, null));
  }

  /** @param head `SEQUENCE:HASH` of an earlier head. */
  verifyAudit(head?: string): Promise<VerifyResult> {
    return this.#http.get(
      `/api/v1/audit/verify${formatQuery(head === undefined ? {} : { head })}`,
      null,
    );
  }

  /** Records that a language model calls a tool, before the tool does anything. */
  recordToolCall(tool: string): Promise<ToolCall> {
    return this.#http.post(`/api/v1/tool-calls/${segment(tool)}`);
  }

  whoami(): Promise<TokenView> {
    return this.#http.get("/api/v1/whoami");
  }
}
