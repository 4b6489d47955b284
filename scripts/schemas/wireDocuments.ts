/** The messages of the WebSocket as JSON Schema and as AsyncAPI: the standard's, and wsctl.v1. */
import type * as v from "valibot";
import { Capability } from "../../lib/protocol/api/views.ts";
import type { PeerProtocol } from "../../lib/protocol/documents.ts";
import { AgentId, CommandName, RequestId } from "../../lib/protocol/names.ts";
import { Timestamp } from "../../lib/protocol/timestamp.ts";
import * as wire from "../../lib/protocol/wire/message.ts";
import { protocolVersion, subprotocol } from "../../lib/protocol/wire/version.ts";
import { definitions, type Json } from "./jsonSchema.ts";

/** Fields that only a peer of `wsctl.v1` is sent, or that only wsctl gives a meaning. */
const extendedFields = new Set([
  ...["timeout_seconds", "expires_at", "signatures", "not_after", "traceparent"],
  ...["schedule", "due_at"],
  ...["result", "execution_ms", "response_age_ms"],
]);

const standard = {
  Command: wire.Command,
  StatusUpdate: wire.StatusUpdate,
  Heartbeat: wire.Heartbeat,
  Response: wire.Response,
  ErrorMessage: wire.ErrorMessage,
};

const extended = {
  ...standard,
  Hello: wire.Hello,
  Welcome: wire.Welcome,
  Capabilities: wire.Capabilities,
  SubscribeOutput: wire.SubscribeOutput,
  OutputEnd: wire.OutputEnd,
  Ack: wire.Ack,
  Cancel: wire.Cancel,
  Goaway: wire.Goaway,
};

type MessageName = keyof typeof extended;

const fromAgent: readonly MessageName[] = [
  ...(["StatusUpdate", "Heartbeat", "Response", "ErrorMessage"] as const),
  ...(["Hello", "Capabilities", "OutputEnd"] as const),
];
const fromControl: readonly MessageName[] = [
  ...(["Command", "ErrorMessage"] as const),
  ...(["Welcome", "SubscribeOutput", "Ack", "Cancel", "Goaway"] as const),
];

const summaries: Readonly<Record<MessageName, string>> = {
  Command: "An instruction to the agent",
  StatusUpdate: "CPU and memory usage of the agent's host",
  Heartbeat: "A sign of life",
  Response: "How a command ended",
  ErrorMessage: "Why a message or a command was refused",
  Hello: "Who speaks, first on every connection",
  Welcome: "The answer to hello",
  Capabilities: "What the agent can do has changed",
  SubscribeOutput: "Pass on what a program writes",
  OutputEnd: "The end of what a program writes; the chunks before it are binary frames",
  Ack: "The answer is stored and need not be sent again",
  Cancel: "The request is cancelled",
  Goaway: "When to come back, before an orderly close",
};

function schemasOf(
  protocol: PeerProtocol,
  target: "draft-07" | "draft-2020-12",
  refPrefix: string,
) {
  const texts = { RequestId, CommandName, Timestamp };
  const more = protocol === "standard" ? {} : { ...extended, AgentId, Capability };
  const named = { ...standard, ...more, ...texts };
  const all = definitions(named, { target, typeMode: "input", refPrefix });
  return protocol === "standard" ? (withoutExtensions(all) as Json) : all;
}

/** Removes the fields of wsctl.v1, and the mark of it from descriptions. */
function withoutExtensions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutExtensions);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !extendedFields.has(key));
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutExtensions(each)]));
}

const titles: Readonly<Record<PeerProtocol, string>> = {
  standard: "Communication standard for WebSocket-based control planes and agents",
  "wsctl.v1": `Messages of the WebSocket subprotocol ${subprotocol}`,
};

const about: Readonly<Record<PeerProtocol, string>> = {
  standard:
    "The five messages of the standard, with the decisions of wsctl where it is silent. Unknown fields are allowed at every level. A text of at most 65,536 bytes and 32 levels is one message. Lengths of texts are counted in UTF-16 units.",
  "wsctl.v1":
    "The messages of the standard and what a peer may ask for with this subprotocol. Unknown fields are allowed at every level.",
};

/** JSON Schema (2020-12) of the messages: `AgentMessage`, `ControlMessage`, and each type. */
export function wireJsonSchema(protocol: PeerProtocol): Json {
  const messages = schemasOf(protocol, "draft-2020-12", "#/$defs/");
  const isKnown = (name: string) => name in messages;
  const anyOf = (names: readonly string[]) => ({
    oneOf: names.filter(isKnown).map((name) => ({ $ref: `#/$defs/${name}` })),
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:wsctl:messages:${protocol}:${protocolVersion}`,
    title: titles[protocol],
    description: about[protocol],
    ...anyOf(Object.keys(extended)),
    $defs: {
      AgentMessage: { description: "A message that an agent sends.", ...anyOf(fromAgent) },
      ControlMessage: {
        description: "A message that a control plane sends.",
        ...anyOf(fromControl),
      },
      ...messages,
      ...(protocol === "standard"
        ? {}
        : {
            CapabilitiesList: {
              description: "The list whose text `capabilities` carries.",
              type: "array",
              items: { $ref: "#/$defs/Capability" },
            },
          }),
    },
  };
}

/** AsyncAPI 3 of the WebSocket, from the side of the control plane. */
export function asyncApi(protocol: PeerProtocol): Json {
  const schemas = schemasOf(protocol, "draft-07", "#/components/schemas/");
  const names = (Object.keys(extended) as MessageName[]).filter((name) => name in schemas);
  const inChannel = (name: string) => ({ $ref: `#/channels/agent/messages/${name}` });
  const sent = names.filter((name) => fromControl.includes(name));
  const received = names.filter((name) => fromAgent.includes(name));
  const operation = (action: string, name: MessageName) => ({
    action,
    channel: { $ref: "#/channels/agent" },
    summary: summaries[name],
    messages: [inChannel(name)],
  });
  return {
    asyncapi: "3.0.0",
    info: {
      title: titles[protocol],
      version: `${protocolVersion}.0.0`,
      description: about[protocol],
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: controlPlaneServer(
      "A control plane. An agent connects to it and keeps the connection.",
    ),
    channels: {
      agent: {
        address: "/agent",
        title: "The connection of one agent",
        description: describeChannel(protocol),
        servers: [{ $ref: "#/servers/controlPlane" }],
        messages: Object.fromEntries(
          names.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
      },
    },
    operations: Object.fromEntries([
      ...sent.map((name) => [`send${name}`, withReply(name, operation("send", name))]),
      ...received.map((name) => [`receive${name}`, operation("receive", name)]),
    ]),
    components: {
      messages: Object.fromEntries(names.map((name) => [name, messageOf(name, schemas)])),
      schemas,
      correlationIds: {
        request: {
          description: "The id of the request that a message is about.",
          location: "$message.payload#/request_id",
        },
      },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The token of one agent." },
      },
    },
  };
}

function describeChannel(protocol: PeerProtocol): string {
  const frames = "Each text frame is one JSON message. Binary frames close the connection.";
  return protocol === "standard" ? frames : `${frames} Both sides agree to ${subprotocol}.`;
}

/** A command is answered once, by a response or an error. */
function withReply(name: MessageName, operation: Json): Json {
  if (name !== "Command") return operation;
  const messages = ["Response", "ErrorMessage"].map((each) => ({
    $ref: `#/channels/agent/messages/${each}`,
  }));
  return { ...operation, reply: { channel: { $ref: "#/channels/agent" }, messages } };
}

function messageOf(name: MessageName, schemas: Json): Json {
  const { type } = extended[name].entries as { type: v.LiteralSchema<string, undefined> };
  const hasRequest = JSON.stringify(schemas[name]).includes('"request_id"');
  return {
    name: type.literal,
    title: summaries[name],
    contentType: "application/json",
    ...(hasRequest ? { correlationId: { $ref: "#/components/correlationIds/request" } } : {}),
    payload: { $ref: `#/components/schemas/${name}` },
  };
}

/** The only server of each AsyncAPI document. */
export function controlPlaneServer(description: string) {
  const variables = {
    host: { default: "cp.example.com", description: "The host of the control plane." },
    port: { default: "7420", description: "Its port." },
  };
  const security = [{ $ref: "#/components/securitySchemes/token" }];
  const server = { host: "{host}:{port}", protocol: "wss", description, variables, security };
  return { controlPlane: server };
}
