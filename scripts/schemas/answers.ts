/** The answers of the HTTP API as components of the OpenAPI document. */
import * as v from "valibot";
import * as artifacts from "../../lib/protocol/api/artifacts.ts";
import { AuditPage, ToolCall, VerifyResult } from "../../lib/protocol/api/audit.ts";
import { ClusterStatus } from "../../lib/protocol/api/cluster.ts";
import { DeviceLogin } from "../../lib/protocol/api/deviceLogin.ts";
import {
  ControlPlaneEvent,
  NewWebhook,
  WebhookTest,
  WebhookView,
} from "../../lib/protocol/api/events.ts";
import { ReleaseView } from "../../lib/protocol/api/releases.ts";
import { ScheduleView } from "../../lib/protocol/api/schedules.ts";
import { SavedTargetView, TargetView } from "../../lib/protocol/api/target.ts";
import { TemplateView } from "../../lib/protocol/api/templates.ts";
import { NewToken, TokenView } from "../../lib/protocol/api/tokens.ts";
import * as views from "../../lib/protocol/api/views.ts";
import { Challenge, Joined } from "../../lib/protocol/wire/keyProof.ts";

function pageOf<S extends v.GenericSchema>(item: S) {
  return v.object({ items: v.array(item), next_cursor: v.exactOptional(v.string()) });
}

/** Answers that no type of their own has. */
export const made = {
  JobPage: v.object({
    ...pageOf(views.JobView).entries,
    /** The part of the log that is in the index, while the index is being rebuilt. */
    index_progress: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  }),
  AgentPage: pageOf(views.AgentView),
  WebhookPage: pageOf(WebhookView),
  TemplatePage: pageOf(TemplateView),
  SavedTargetPage: pageOf(SavedTargetView),
  SchedulePage: pageOf(ScheduleView),
  ArtifactPage: pageOf(artifacts.ArtifactView),
  TokenPage: pageOf(TokenView),
  ReleasePage: pageOf(ReleaseView),
  StreamLine: v.union([views.OutcomeLine, views.OutputLine]),
  ApprovedAgent: v.object({ agent_id: v.string(), approved: v.literal(true) }),
  RevokedAgent: v.object({
    agent_id: v.string(),
    revoked_tokens: v.pipe(v.number(), v.integer(), v.minValue(0)),
  }),
  DeletedArtifact: v.object({ artifact_id: v.string() }),
  RevokedToken: v.object({ token_id: v.string() }),
  StartedRun: v.object({ job_id: v.string() }),
  Health: v.object({ status: v.literal("ok"), time: v.string() }),
  Readiness: v.object({
    status: v.picklist(["ready", "not ready"]),
    reason: v.exactOptional(v.string()),
  }),
  OpenApiDocument: v.record(v.string(), v.unknown()),
};

const { Capability, JobDetail, JobView, AgentView, AgentDetail, AcceptedLine } = views;
const { ErrorBody, OutcomeLine, OutputLine, RequestView, RolloutView, Approval } = views;
const { ArtifactDetail, ArtifactView, NewArtifact, UploadView, DownloadView } = artifacts;
const { AgentMetrics, Series } = views;

/** The answers as components of the document, by their names in it. */
export const answerSchemas = {
  ...{ JobView, JobDetail, RequestView, AcceptedLine, OutcomeLine, OutputLine, TargetView },
  ...{ AgentView, AgentDetail, Capability, ScheduleView, ArtifactView, ArtifactDetail },
  ...{
    NewArtifact,
    ReleaseView,
    TokenView,
    NewToken,
    DeviceLogin,
    AuditPage,
    VerifyResult,
    ToolCall,
    Joined,
    Challenge,
    ClusterStatus,
  },
  ...{ ControlPlaneEvent, WebhookView, NewWebhook, WebhookTest },
  ...{
    TemplateView,
    SavedTargetView,
    UploadView,
    DownloadView,
    RolloutView,
    Approval,
    AgentMetrics,
    Series,
  },
  ...{ ErrorBody, ...made },
};
