import { defineCommand } from "citty";
import { clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { createClient } from "./flags/controlPlane.ts";
import { wholeNumber } from "./flags/values.ts";
import { remark } from "./output/stdio.ts";

const { json: _json, ...accessArgs } = clientArgs;

export default defineCommand({
  meta: {
    name: "mcp",
    description: "Serve tools for a language model on standard input and output (MCP)",
    examples: [
      "wsctl mcp --token-file viewer-token",
      "wsctl mcp --token-file operator-token --allow-actions --max-agents 5",
    ],
  },
  args: {
    ...accessArgs,
    "allow-actions": {
      type: "boolean",
      description: "offer tools that run and cancel commands; otherwise the model only looks",
    },
    "max-agents": {
      type: "string",
      default: "10",
      valueHint: "N",
      description: "maximum number of agents of one command",
    },
  },
  run: ({ args }) => mcpRun(args),
});

interface McpFlags {
  server?: string | undefined;
  "token-file"?: string | undefined;
  ca?: string | undefined;
  "data-dir"?: string | undefined;
  "allow-actions"?: boolean | undefined;
  "max-agents": string;
}

/** Serves until the model's program closes the connection. */
async function mcpRun(flags: McpFlags): Promise<number> {
  const isActing = flags["allow-actions"] === true;
  const client = await createClient(flags);
  const { role } = await client.whoami();
  if (isActing && role !== "operator") {
    const fix = 'Create one with "wsctl tokens create --role operator", narrowed to what it needs';
    throw usage(`Flag --allow-actions needs a token of the role operator, not ${role}. ${fix}`);
  }
  const { createMcpServer } = await import("../lib/mcp/server.ts");
  const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
  const server = createMcpServer({
    client,
    isActing,
    agentsMax: wholeNumber("max-agents", flags["max-agents"], 1, 100_000),
    onCall: (tool, outcome) => remark(`wsctl mcp: ${tool}: ${outcome}`),
  });
  const closed = new Promise<void>((resolve) => {
    server.onclose = resolve;
    process.stdin.once("end", () => resolve());
  });
  await server.connect(new StdioServerTransport());
  await closed;
  return exitOk;
}
