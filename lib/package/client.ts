/**
 * `wsctl/client`: the typed client of the HTTP API. Every failure is a `WsctlError` with the code of
 * the control plane, or `UNREACHABLE`.
 *
 * @packageDocumentation
 */
export { Client, type ClientOptions } from "../client/client.ts";
export { type CreateClientOptions, createClient } from "../client/createClient.ts";
export type { SendOptions, SubmittedJob } from "../client/jobStream.ts";
export type { JobsQuery } from "../client/jobsQuery.ts";
export type { ClientSession } from "../client/session/clientSession.ts";
export { isOutput } from "../client/streamCursor.ts";
export type { SocketDial } from "../client/transport.ts";
export type {
  ArtifactDetail,
  ArtifactKind,
  ArtifactView,
} from "../protocol/api/artifacts.ts";
export type { AuditPage, VerifyResult } from "../protocol/api/audit.ts";
export type { AuditFilter } from "../protocol/api/auditFilter.ts";
export type { JobRequestInput, RetryRequest } from "../protocol/api/jobs.ts";
export type { ReleaseRequest, ReleaseView } from "../protocol/api/releases.ts";
export type { ScheduleRequestInput, ScheduleView } from "../protocol/api/schedules.ts";
export type { Target, TargetQuery, TargetView } from "../protocol/api/target.ts";
export type { NewToken, TokenRequestInput, TokenView } from "../protocol/api/tokens.ts";
export type {
  AcceptedLine,
  AgentDetail,
  AgentView,
  JobDetail,
  JobView,
  OutcomeKind,
  OutcomeLine,
  OutputLine,
  Page,
  RequestView,
  StreamLine,
} from "../protocol/api/views.ts";
export { type ErrorCode, WsctlError } from "../protocol/errors.ts";
