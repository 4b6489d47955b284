/** The messages of an operator session as AsyncAPI, from the side of the control plane. */
import type * as v from "valibot";
import { JobRequest } from "../../lib/protocol/api/jobs.ts";
import * as session from "../../lib/protocol/api/session.ts";
import { AcceptedLine, JobView, OutcomeLine, OutputLine } from "../../lib/protocol/api/views.ts";
import { messageBytesMax } from "../../lib/protocol/limits.ts";
import { clientSubprotocol, protocolVersion } from "../../lib/protocol/wire/version.ts";
import { definitions, type Json } from "./jsonSchema.ts";
import { controlPlaneServer } from "./wireDocuments.ts";

const { SubmitMessage, FollowMessage, CreditMessage, StopMessage } = session;
const { AcceptedMessage, RefusedMessage, LinesMessage, StoppedMessage, SessionErrorMessage } =
  session;
const fromClient = { SubmitMessage, FollowMessage, CreditMessage, StopMessage };
const fromControl = {
  ...{ AcceptedMessage, RefusedMessage, LinesMessage, StoppedMessage, SessionErrorMessage },
};
type MessageName = keyof typeof fromClient | keyof typeof fromControl;

const summaries: Readonly<Record<MessageName, string>> = {
  SubmitMessage: "Create a job, and follow it to its last outcome",
  FollowMessage: "Follow an existing job after what was received before",
  CreditMessage: "Take further lines of a job",
  StopMessage: "Take no further lines of a job",
  AcceptedMessage: "The job is on disk",
  RefusedMessage: "The job was not created or is not followed",
  LinesMessage: "Outcomes and live output of a job",
  StoppedMessage: "The answer to stop",
  SessionErrorMessage: "A message that was not understood and changes nothing",
};

const refPrefix = "#/components/schemas/";

function schemas(): Json {
  const options = { target: "draft-07", refPrefix } as const;
  return {
    ...definitions({ ...fromClient, JobRequest }, { ...options, typeMode: "input" }),
    ...definitions(
      { ...fromControl, AcceptedLine, JobView, OutcomeLine, OutputLine },
      { ...options, typeMode: "output" },
    ),
  };
}

/** AsyncAPI 3 of `GET /api/v1/session`. */
export function sessionAsyncApi(): Json {
  const all: Readonly<Record<string, v.GenericSchema>> = { ...fromClient, ...fromControl };
  const names = Object.keys(all) as MessageName[];
  const isSent = (name: string) => name in fromControl;
  return {
    asyncapi: "3.0.0",
    info: {
      title: `Messages of the WebSocket subprotocol ${clientSubprotocol}`,
      version: `${protocolVersion}.0.0`,
      description: `One connection of an operator for many jobs. A client names each job with a \`ref\` of its own. Messages of a client refuse fields that are unknown; messages of a control plane may get further ones. A message of a client has at most ${messageBytesMax.toLocaleString("en-US")} bytes.`,
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: controlPlaneServer("A control plane."),
    channels: {
      session: {
        address: "/api/v1/session",
        title: "The session of one operator",
        description: `Each text frame is one JSON message. Binary frames close the connection. Both sides agree to ${clientSubprotocol}.`,
        servers: [{ $ref: "#/servers/controlPlane" }],
        messages: Object.fromEntries(
          names.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
      },
    },
    operations: Object.fromEntries(
      names.map((name) => [
        `${isSent(name) ? "send" : "receive"}${name}`,
        {
          action: isSent(name) ? "send" : "receive",
          channel: { $ref: "#/channels/session" },
          summary: summaries[name],
          messages: [{ $ref: `#/channels/session/messages/${name}` }],
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        names.map((name) => [
          name,
          {
            name: typeOf(all[name]),
            title: summaries[name],
            contentType: "application/json",
            correlationId: { $ref: "#/components/correlationIds/job" },
            payload: { $ref: `${refPrefix}${name}` },
          },
        ]),
      ),
      schemas: schemas(),
      correlationIds: {
        job: {
          description: "The reference of the job that a message is about.",
          location: "$message.payload#/ref",
        },
      },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The token of an operator." },
      },
    },
  };
}

function typeOf(schema: v.GenericSchema | undefined): string {
  const { entries } = schema as unknown as {
    entries: { type: v.LiteralSchema<string, undefined> };
  };
  return entries.type.literal;
}
