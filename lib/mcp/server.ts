/**
 * A server of the Model Context Protocol: tools for language models, within the authority of one
 * token. Every call ends in an answer: an error of a tool is an answer, too, which the model reads.
 */
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import type { Client } from "../client/client.ts";
import { ToolName } from "../protocol/api/audit.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { formatIssue } from "../protocol/schemaError.ts";
import { version } from "../protocol/wire/version.ts";
import { actTools } from "./actTools.ts";
import { formatAnswer, untrustedNote } from "./bounded.ts";
import { lookTools } from "./lookTools.ts";
import type { Tool, ToolContext } from "./tool.ts";

export interface McpOptions {
  client: Client;
  /** Whether tools that act are offered. */
  isActing: boolean;
  agentsMax: number;
  /** Counts the calls of a caller that has several connections. */
  limiter?: RateLimiter;
  /** Called with each call, for a log. */
  onCall(tool: string, outcome: string): void;
}

const actionsPerMinuteMax = 20;

const agentsUri = "wsctl://agents";

/** @throws {WsctlError} NOT_FOUND to the reader of an unknown resource */
export function createMcpServer(options: McpOptions): Server {
  const tools = options.isActing ? [...lookTools, ...actTools] : lookTools;
  const server = new Server(
    { name: "wsctl", version },
    {
      capabilities: { tools: {}, resources: {} },
      instructions: `Look at a fleet of hosts${options.isActing ? ", and run commands on it" : ""}. ${untrustedNote}`,
    },
  );
  const { limiter = new RateLimiter() } = options;
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(describe) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const { name, arguments: given = {} } = params;
    try {
      // Before anything else, so that a tool that is not offered leaves a trace, too.
      if (v.is(ToolName, name)) await record(options.client, name);
      const found = tools.find((each) => each.name === name);
      if (found === undefined) throw unknownTool(name, options.isActing);
      if (found.kind === "act") limiter.take();
      const value = await call(found, given, { ...options, signal });
      options.onCall(name, "answered");
      return { content: [{ type: "text", text: formatAnswer(value) }] };
    } catch (error) {
      const code = error instanceof WsctlError ? error.code : "INTERNAL";
      options.onCall(name, code);
      const text = formatAnswer({ error: { code, message: errorText(error) } });
      return { isError: true, content: [{ type: "text", text }] };
    }
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [{ uri: agentsUri, name: "agents", mimeType: "application/json" }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }) => {
    if (uri !== agentsUri) throw new WsctlError("NOT_FOUND", `Unknown resource "${uri}"`);
    await record(options.client, "read_resource");
    const text = formatAnswer({ agents: await options.client.agents() });
    return { contents: [{ uri, mimeType: "text/plain", text }] };
  });
  return server;
}

/** @throws {WsctlError} if the call cannot be recorded: then the tool must do nothing */
async function record(client: Client, name: string): Promise<void> {
  try {
    await client.recordToolCall(name);
  } catch (error) {
    if (!(error instanceof WsctlError && error.code === "NOT_FOUND")) throw error;
    const text = "Cannot record the call: the control plane is older than this wsctl";
    throw new WsctlError("UNAVAILABLE", `${text}. Ask the user to upgrade it`);
  }
}

function describe({ name, title, description, parameters, kind }: Tool) {
  const { $schema: _schema, ...schema } = toJsonSchema(parameters, {
    errorMode: "ignore",
    typeMode: "input",
    // Any value is allowed: some clients misread the empty schema that says so.
    overrideSchema: ({ jsonSchema }) =>
      isEmpty(jsonSchema.additionalProperties)
        ? { ...jsonSchema, additionalProperties: true }
        : null,
  });
  const isLooking = kind === "look";
  return {
    name,
    title,
    description,
    inputSchema: { ...schema, type: "object" as const },
    annotations: {
      title,
      readOnlyHint: isLooking,
      destructiveHint: !isLooking,
      idempotentHint: isLooking,
      openWorldHint: true,
    },
  };
}

function isEmpty(schema: unknown): boolean {
  return typeof schema === "object" && schema !== null && Object.keys(schema).length === 0;
}

function call(found: Tool, given: unknown, context: ToolContext): Promise<unknown> {
  const parsed = v.safeParse(found.parameters, given);
  if (parsed.success) return found.run(parsed.output, context);
  throw new WsctlError("INVALID_PARAMETERS", formatIssue(parsed.issues[0]));
}

function unknownTool(name: string, isActing: boolean): WsctlError {
  const isAction = actTools.some((each) => each.name === name);
  if (isAction && !isActing) {
    const text = `Cannot call "${name}": this server only looks`;
    const fix = "A person can allow it: wsctl mcp --allow-actions, or wsctl serve --mcp act";
    return new WsctlError("FORBIDDEN", `${text}. ${fix}`);
  }
  return new WsctlError("NOT_FOUND", `Unknown tool "${name}"`);
}

/** A model in a loop must not flood a fleet. */
export class RateLimiter {
  #calls: number[] = [];

  take(): void {
    const now = performance.now();
    this.#calls = this.#calls.filter((at) => now - at < 60_000);
    if (this.#calls.length >= actionsPerMinuteMax) {
      const text = `More than ${actionsPerMinuteMax} actions in a minute`;
      throw new WsctlError("RATE_LIMITED", `${text}. Wait, and ask the user`);
    }
    this.#calls.push(now);
  }
}
