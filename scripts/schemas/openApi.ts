/** The OpenAPI document: routes and permissions of the application, bodies and answers as schemas. */
import type * as v from "valibot";
import { rolesWith } from "../../lib/control/auth/permissions.ts";
import { routes } from "../../lib/control/http/routes.ts";
import { ArtifactRequest } from "../../lib/protocol/api/artifacts.ts";
import { DeviceLoginPoll } from "../../lib/protocol/api/deviceLogin.ts";
import { WebhookRequest } from "../../lib/protocol/api/events.ts";
import { JobRequest, RetryRequest } from "../../lib/protocol/api/jobs.ts";
import { ReleaseRequest } from "../../lib/protocol/api/releases.ts";
import { ScheduleRequest } from "../../lib/protocol/api/schedules.ts";
import { SavedTargetRequest, Target, TargetQuery } from "../../lib/protocol/api/target.ts";
import { TemplateRequest, TemplateRun } from "../../lib/protocol/api/templates.ts";
import { TokenRequest } from "../../lib/protocol/api/tokens.ts";
import { LabelChanges, StreamRequestBody } from "../../lib/protocol/api/views.ts";
import { errorCodes } from "../../lib/protocol/errors.ts";
import { version } from "../../lib/protocol/wire/version.ts";
import { answerSchemas } from "./answers.ts";
import { definitions, type Json } from "./jsonSchema.ts";
import type { Answer, Operation } from "./operation.ts";
import { operations, publicOperations } from "./operations.ts";
import type { Parameter } from "./parameters.ts";

const refPrefix = "#/components/schemas/";

const keyRequest = routes.find(({ path }) => path === "/api/v1/join")?.body as v.GenericSchema;

const requestSchemas: Readonly<Record<string, v.GenericSchema>> = {
  ...{ JobRequest, RetryRequest, StreamRequestBody, ScheduleRequest, Target, TargetQuery },
  ...{ LabelChanges, ArtifactRequest, ReleaseRequest, TokenRequest, KeyRequest: keyRequest },
  ...{ TemplateRequest, TemplateRun, SavedTargetRequest, WebhookRequest, DeviceLoginPoll },
};

const components: Json = {
  ...definitions(requestSchemas, { target: "draft-2020-12", typeMode: "input", refPrefix }),
  // An answer has the defaults filled in, so it does not share the schema of the request.
  ...definitions(answerSchemas, { target: "draft-2020-12", typeMode: "output", refPrefix }),
};

function nameOf(schema: v.GenericSchema, table: Readonly<Record<string, v.GenericSchema>>): string {
  const found = Object.entries(table).find(([, each]) => each === schema);
  if (found === undefined) throw new Error("a schema of the API has no name in the document");
  return found[0];
}

/** Paths as OpenAPI writes them. */
function template(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

const pathMeanings: Readonly<Record<string, string>> = {
  job_id: "The ID of a job, or its unique beginning.",
  agent_id: "The ID of an agent.",
  artifact_id: "The ID of an artifact, or its unique beginning.",
  token_id: "The ID of a token, or its unique beginning.",
  tool: "The name of a tool, such as `list_agents`.",
  version: "A version such as `1.2.3`, or `latest`.",
  name: "The name of the schedule, template, saved target or webhook.",
};

function pathParameters(path: string): Parameter[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    description: pathMeanings[name] ?? "",
    required: true,
    schema: { type: "string" },
  }));
}

function answersOf(answers: readonly Answer[]): Json {
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => {
      const content = list.flatMap(({ schema, type }) => {
        if (schema === undefined) return type === undefined ? [] : [[type, { schema: {} }]];
        const reference = refPrefix + nameOf(schema, answerSchemas);
        return [[type ?? "application/json", { schema: { $ref: reference } }]];
      });
      const description = list.map(({ what }) => what).join(". ");
      return [
        `${status}`,
        { description, ...(content.length > 0 ? { content: Object.fromEntries(content) } : {}) },
      ];
    }),
  );
}

function operationOf(key: string, operation: Operation): Json {
  const { id, summary, answers, parameters = [], body } = operation;
  const [, path = ""] = key.split(" ");
  const all = [...pathParameters(path), ...parameters];
  return {
    operationId: id,
    summary,
    tags: [/^\/api\/v1\/([\w-]+)/.exec(path)?.[1] ?? "health"],
    ...(all.length > 0 ? { parameters: all } : {}),
    ...(body === undefined ? {} : requestBody(body)),
    responses: answersOf(answers),
  };
}

function requestBody(body: v.GenericSchema): Json {
  const schema = { $ref: refPrefix + nameOf(body, requestSchemas) };
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function apiOperations(): [string, Json][] {
  return routes.map((route) => {
    const { method, path, permission, body } = route;
    const key = `${method} ${path}`;
    const known = operations[key];
    if (known === undefined) throw new Error(`scripts/schemas/operations.ts lacks "${key}"`);
    const { responses, ...rest } = operationOf(key, known) as { responses: Json };
    const operation = {
      ...rest,
      ...(body === undefined ? {} : requestBody(body)),
      responses: { ...responses, "4XX": problem, default: problem },
      "x-wsctl-permission": permission,
      "x-wsctl-roles": rolesWith(permission),
    };
    return [key, operation];
  });
}

const problem: Json = { $ref: "#/components/responses/Problem" };

function pathsOf(entries: readonly [string, Json][]): Json {
  const paths: Record<string, Json> = {};
  for (const [key, operation] of entries) {
    const [method = "", path = ""] = key.split(" ");
    const at = template(path);
    paths[at] = { ...paths[at], [method.toLowerCase()]: operation };
  }
  return paths;
}

const tagMeanings: Readonly<Record<string, string>> = {
  jobs: "Commands for selected agents, and their outcomes",
  session: "One WebSocket for many jobs",
  schedules: "Jobs that run at set times",
  templates: "Jobs that are saved under a name",
  "saved-targets": "Selectors that are saved under a name",
  targets: "Which agents a target selects",
  agents: "Agents, their labels and their access",
  artifacts: "Content that is too large for a message",
  releases: "Signed releases for updates of agents",
  tokens: "Tokens of operators, agents and joins",
  login: "Login strings",
  events: "What happens, as it happens",
  webhooks: "Addresses that get events",
  whoami: "Who the caller is",
  openapi: "This document",
  join: "Registration of an agent's key",
  "agent-key": "Renewal of an agent's key",
  cluster: "Several control planes that are one",
  audit: "The audit trail",
  "tool-calls": "Calls of tools by language models",
  backup: "Backups",
  health: "Health checks, metrics and the challenge of agents, without a token",
};

/** @throws {Error} if a route is not described, or a description has no route */
export function openApi(): Json {
  const known = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const astray = Object.keys(operations).filter((key) => !known.has(key));
  if (astray.length > 0) throw new Error(`no such route: ${astray.join(", ")}`);
  const open = Object.entries(publicOperations).map(([key, operation]): [string, Json] => [
    key,
    { ...operationOf(key, operation), security: [] },
  ]);
  const all = [...apiOperations(), ...open];
  const tags = [...new Set(all.flatMap(([, { tags: names }]) => names as string[]))];
  return {
    openapi: "3.1.0",
    info: {
      title: "wsctl",
      version,
      summary: "The HTTP API of a control plane",
      description:
        "Times are ISO 8601 in UTC. Answers may get further fields: ignore those that you do not know.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "../..", description: "The control plane that serves this document" }],
    security: [{ token: [] }],
    tags: tags.map((name) => ({ name, description: tagMeanings[name] ?? "" })),
    paths: pathsOf(all),
    components: {
      schemas: components,
      responses: {
        Problem: {
          description: "A problem (RFC 9457). Programs compare `error.code`, never the text.",
          content: {
            "application/problem+json": { schema: { $ref: `${refPrefix}ErrorBody` } },
          },
        },
      },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token of wsctl." },
      },
    },
    "x-wsctl-error-codes": Object.fromEntries(
      Object.entries(errorCodes).map(([code, { http, meaning }]) => [code, { http, meaning }]),
    ),
  };
}
