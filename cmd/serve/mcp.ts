/** The flags of `serve` for tools of language models over HTTP. */
import type { ArgsDef } from "citty";
import type { Hono } from "hono";
import type { Log } from "../../lib/log/log.ts";
import { wholeNumber } from "../flags/values.ts";

const modes: string[] = ["off", "look", "act"];

export const mcpArgs = {
  mcp: {
    type: "enum",
    options: modes,
    default: "off",
    description:
      "tools for language models (MCP) at /api/v1/mcp: off, look, or act with tokens of operators",
  },
  "mcp-max-agents": {
    type: "string",
    default: "10",
    valueHint: "N",
    description: "maximum number of agents of one command of a model",
  },
} as const satisfies ArgsDef;

export interface McpFlags {
  mcp: string;
  "mcp-max-agents": string;
}

/**
 * Returns what adds the endpoint to the application, or nothing if it is off.
 * @throws {WsctlError} USAGE
 */
export async function mcpExtension(
  flags: McpFlags,
  log: Log,
): Promise<{ extend?: (app: Hono) => void }> {
  const agentsMax = wholeNumber("mcp-max-agents", flags["mcp-max-agents"], 1, 100_000);
  if (flags.mcp === "off") return {};
  // The protocol of models is loaded only where it is served.
  const { addMcpEndpoint } = await import("../../lib/mcp/httpEndpoint.ts");
  return {
    extend: (app) =>
      addMcpEndpoint(app, {
        ...{ isActing: flags.mcp === "act", agentsMax },
        onCall: (tool, outcome, { name, token_id }) =>
          log.info("tool called", { tool, outcome, by: name ?? token_id }),
      }),
  };
}
