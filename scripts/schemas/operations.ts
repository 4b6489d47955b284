/** What each route of the HTTP API answers, for the OpenAPI document. */
import { ArtifactDetail, ArtifactView, NewArtifact } from "../../lib/protocol/api/artifacts.ts";
import { AuditPage, ToolCall, VerifyResult } from "../../lib/protocol/api/audit.ts";
import { ClusterStatus } from "../../lib/protocol/api/cluster.ts";
import { DeviceLogin, DeviceLoginPoll } from "../../lib/protocol/api/deviceLogin.ts";
import { ReleaseView } from "../../lib/protocol/api/releases.ts";
import { NewToken, TokenView } from "../../lib/protocol/api/tokens.ts";
import { AgentDetail, AgentView } from "../../lib/protocol/api/views.ts";
import { Challenge, Joined } from "../../lib/protocol/wire/keyProof.ts";
import { made } from "./answers.ts";
import { eventOperations } from "./eventOperations.ts";
import { jobOperations } from "./jobOperations.ts";
import { gone, type Operation, ok } from "./operation.ts";
import { optionalText, pageQuery, query } from "./parameters.ts";
import { templateOperations } from "./templateOperations.ts";

/** By method and path. */
export const operations: Readonly<Record<string, Operation>> = {
  ...jobOperations,
  ...templateOperations,
  ...eventOperations,
  "GET /api/v1/agents": {
    id: "listAgents",
    summary: "List agents by ID",
    answers: ok(made.AgentPage, "A page of agents"),
    parameters: [
      ...pageQuery(1000, 1000, "The ID of the last agent of the page before."),
      query("selector", "Only these agents, such as `env=prod`.", { type: "string" }),
      query("latency", "Measure round trips; the next call returns them.", { type: "boolean" }),
    ],
  },
  "GET /api/v1/agents/:agent_id": {
    id: "getAgent",
    summary: "Show an agent with its commands and metrics",
    answers: ok(AgentDetail, "The agent"),
  },
  "POST /api/v1/agents/:agent_id/approve": {
    id: "approveAgent",
    summary: "Allow an agent that has joined to connect",
    answers: ok(made.ApprovedAgent, "The agent may connect"),
  },
  "POST /api/v1/agents/:agent_id/revoke": {
    id: "revokeAgent",
    summary: "Revoke the tokens and keys of an agent",
    answers: ok(made.RevokedAgent, "The agent may not connect"),
  },
  "POST /api/v1/agents/:agent_id/labels": {
    id: "labelAgent",
    summary: "Set or remove labels of an agent",
    answers: ok(AgentView, "The agent"),
  },
  "POST /api/v1/agents/:agent_id/drain": {
    id: "drainAgent",
    summary: "Select an agent for no new job",
    answers: ok(AgentView, "The agent"),
  },
  "POST /api/v1/agents/:agent_id/undrain": {
    id: "undrainAgent",
    summary: "Select an agent for jobs again",
    answers: ok(AgentView, "The agent"),
  },
  "DELETE /api/v1/agents/:agent_id": {
    id: "deleteAgent",
    summary: "Delete an offline agent",
    answers: gone,
  },
  "POST /api/v1/artifacts": {
    id: "createArtifact",
    summary: "Announce content and get a URL for its upload",
    answers: [{ status: 201, what: "Upload the content to `upload`", schema: NewArtifact }],
  },
  "GET /api/v1/artifacts": {
    id: "listArtifacts",
    summary: "List artifacts, the newest first",
    answers: ok(made.ArtifactPage, "A page of artifacts"),
    parameters: pageQuery(500, 50, "The ID of the last artifact of the page before."),
  },
  "GET /api/v1/artifacts/:artifact_id": {
    id: "getArtifact",
    summary: "Show an artifact, with a URL for its download",
    answers: ok(ArtifactDetail, "The artifact"),
  },
  "POST /api/v1/artifacts/:artifact_id/complete": {
    id: "completeArtifact",
    summary: "Compare the uploaded content with what was announced",
    answers: [
      { status: 200, what: "The content is stored", schema: ArtifactView },
      { status: 202, what: "The content is still being compared", schema: ArtifactView },
    ],
  },
  "DELETE /api/v1/artifacts/:artifact_id": {
    id: "deleteArtifact",
    summary: "Delete an artifact",
    answers: ok(made.DeletedArtifact, "Its whole ID"),
  },
  "POST /api/v1/releases": {
    id: "publishRelease",
    summary: "Publish a signed release, or add signatures",
    answers: [{ status: 201, what: "The release", schema: ReleaseView }],
  },
  "GET /api/v1/releases": {
    id: "listReleases",
    summary: "List releases, the highest version first",
    answers: ok(made.ReleasePage, "All releases"),
  },
  "GET /api/v1/releases/:version": {
    id: "getRelease",
    summary: "Show a release; `latest` is the highest version",
    answers: ok(ReleaseView, "The release"),
  },
  "DELETE /api/v1/releases/:version": {
    id: "deleteRelease",
    summary: "Delete a release",
    answers: gone,
  },
  "POST /api/v1/tokens": {
    id: "createToken",
    summary: "Create a token",
    answers: [{ status: 201, what: "The token with its secret", schema: NewToken }],
  },
  "GET /api/v1/tokens": {
    id: "listTokens",
    summary: "List tokens",
    answers: ok(made.TokenPage, "All tokens, without secrets"),
  },
  "POST /api/v1/tokens/:token_id/rotate": {
    id: "rotateToken",
    summary: "Replace the secret of a token",
    answers: ok(NewToken, "The token with its new secret"),
  },
  "DELETE /api/v1/tokens/:token_id": {
    id: "revokeToken",
    summary: "Revoke a token",
    answers: ok(made.RevokedToken, "Its whole ID"),
  },
  "POST /api/v1/login": {
    id: "login",
    summary: "Exchange a login token for the token of a person, once",
    answers: [{ status: 201, what: "The token with its secret", schema: NewToken }],
  },
  "GET /api/v1/whoami": {
    id: "whoami",
    summary: "Show the token of the caller",
    answers: ok(TokenView, "The token, without its secret"),
  },
  "POST /api/v1/tool-calls/:tool": {
    id: "recordToolCall",
    summary: "Record that a language model calls a tool",
    answers: [{ status: 201, what: "The call is in the audit trail", schema: ToolCall }],
  },
  "GET /api/v1/openapi.json": {
    id: "getOpenApi",
    summary: "This document",
    answers: ok(made.OpenApiDocument, "The document"),
  },
  "POST /api/v1/join": {
    id: "join",
    summary: "Register the key of an agent with a join token",
    answers: [{ status: 201, what: "The key is registered", schema: Joined }],
  },
  "POST /api/v1/agent-key": {
    id: "renewAgentKey",
    summary: "Replace the key of an agent",
    answers: [{ status: 201, what: "The new key is registered", schema: Joined }],
  },
  "GET /metrics": {
    id: "scrapeMetrics",
    summary: "Metrics of the control plane for Prometheus",
    answers: [{ status: 200, what: "The metrics", type: "text/plain" }],
  },
  "GET /api/v1/cluster": {
    id: "getCluster",
    summary: "Show the nodes of the cluster",
    answers: ok(ClusterStatus, "The state of the cluster"),
  },
  "GET /api/v1/audit": {
    id: "listAudit",
    summary: "Read the audit trail",
    answers: ok(AuditPage, "A page of the trail, the oldest entry first"),
    parameters: [
      query("after", "Entries after this one; without it, the newest.", { type: "integer" }),
      query("limit", "At most this many.", { type: "integer", minimum: 1, maximum: 1000 }),
      ...["since", "until", "by", "agent", "action", "command"].map(optionalText),
    ],
  },
  "GET /api/v1/audit/verify": {
    id: "verifyAudit",
    summary: "Verify the hash chain of the audit trail",
    answers: ok(VerifyResult, "Whether it is intact"),
    parameters: [
      query("head", "A head that was stored elsewhere: SEQUENCE:HASH.", { type: "string" }),
    ],
  },
  "GET /api/v1/backup": {
    id: "createBackup",
    summary: "Stream a backup",
    answers: [{ status: 200, what: "A tar archive", type: "application/x-tar" }],
    parameters: [
      query("secrets", "With the key of the certificate authority.", { type: "boolean" }),
    ],
  },
};

/** Routes that need no token. */
export const publicOperations: Readonly<Record<string, Operation>> = {
  "GET /healthz": {
    id: "health",
    summary: "Whether the process runs",
    answers: ok(made.Health, "It runs"),
  },
  "GET /readyz": {
    id: "readiness",
    summary: "Whether it accepts jobs",
    answers: [
      { status: 200, what: "It accepts jobs", schema: made.Readiness },
      { status: 503, what: "It does not", schema: made.Readiness },
    ],
  },
  "POST /api/v1/login/device": {
    id: "startLogin",
    summary: "Start a login at the OpenID provider",
    answers: [{ status: 201, what: "What the person opens, and a secret", schema: DeviceLogin }],
  },
  "POST /api/v1/login/device/token": {
    id: "finishLogin",
    summary: "Get the token of a login that the person has confirmed",
    body: DeviceLoginPoll,
    answers: [
      { status: 201, what: "The token with its secret", schema: NewToken },
      { status: 202, what: "The person has not confirmed it" },
    ],
  },
  "GET /agent/challenge": {
    id: "getChallenge",
    summary: "A nonce for the proof of an agent's key",
    answers: ok(Challenge, "The nonce"),
  },
};
