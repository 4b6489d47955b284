import { defineCommand } from "citty";
import {
  loadAsyncApi,
  loadMessageSchema,
  loadOpenApi,
  type PeerProtocol,
  peerProtocols,
  type SocketProtocol,
  socketProtocols,
} from "../lib/protocol/documents.ts";
import type { JsonObject } from "../lib/protocol/json.ts";
import { exitOk } from "./cli/exit.ts";
import { print } from "./output/stdio.ts";

const protocol = {
  type: "enum" as const,
  options: [...peerProtocols],
  default: "standard",
  description: "messages of every peer, or also those that a peer of wsctl.v1 may ask for",
};

const openapi = defineCommand({
  meta: {
    name: "openapi",
    isStandalone: true,
    description: "Print the OpenAPI 3.1 document of the HTTP API",
    examples: [
      "wsctl schema openapi > openapi.json",
      "npx openapi-typescript openapi.json --output api.d.ts",
    ],
  },
  run: () => printDocument(loadOpenApi()),
});

const asyncapi = defineCommand({
  meta: {
    name: "asyncapi",
    isStandalone: true,
    description: "Print the AsyncAPI 3 document of the WebSocket of agents, or of sessions",
    examples: [
      "wsctl schema asyncapi --protocol wsctl.v1 > asyncapi.json",
      "wsctl schema asyncapi --protocol wsctl.client.v1 > session.json",
    ],
  },
  args: {
    protocol: {
      ...protocol,
      options: [...socketProtocols],
      description: `${protocol.description}; or those of an operator session`,
    },
  },
  run: ({ args }) => printDocument(loadAsyncApi(args.protocol as SocketProtocol)),
});

const jsonSchema = defineCommand({
  meta: {
    name: "json-schema",
    isStandalone: true,
    description: "Print the JSON Schema of the messages of the WebSocket",
    examples: ["wsctl schema json-schema > messages.schema.json"],
  },
  args: { protocol },
  run: ({ args }) => printDocument(loadMessageSchema(args.protocol as PeerProtocol)),
});

export default defineCommand({
  meta: { name: "schema", description: "Print the API and the messages in machine-readable form" },
  subCommands: { openapi, asyncapi, "json-schema": jsonSchema },
});

async function printDocument(loaded: Promise<JsonObject>): Promise<number> {
  print(JSON.stringify(await loaded, null, 2));
  return exitOk;
}
