import { defineCommand } from "citty";
import { AgentSession } from "../lib/conformance/agentSession.ts";
import { runAgentSuite } from "../lib/conformance/agentSuite.ts";
import { ControlSession } from "../lib/conformance/controlSession.ts";
import { runControlSuite } from "../lib/conformance/controlSuite.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { runShell, startAgentProgram } from "./conformance/childProgram.ts";
import { finish, printResult, type ReportFlags, reportArgs } from "./conformance/printResults.ts";
import { parseServer, readToken, readTrustedFile } from "./flags/connection.ts";
import { parseObject, parseSecondsWithin } from "./flags/values.ts";
import { remark } from "./output/stdio.ts";
import { parsePort } from "./serve/listen.ts";

const timeArgs = {
  timeout: {
    type: "string",
    default: "2s",
    valueHint: "TIME",
    description: "how long an answer may take",
  },
  heartbeat: {
    type: "string",
    default: "15s",
    valueHint: "TIME",
    description: "heartbeat interval of the agent, or the one that the control plane expects",
  },
} as const;

const agent = defineCommand({
  meta: {
    name: "agent",
    isStandalone: true,
    description: "Test an agent: play the control plane that it connects to",
    examples: [
      "wsctl conformance agent --heartbeat 1s -- python3 agent.py '{url}'",
      "wsctl conformance agent --port 9000 --command status --junit report.xml",
    ],
  },
  args: {
    program: {
      type: "positional",
      required: false,
      valueHint: "-- PROGRAM [ARGUMENT…]",
      description: "program to start as the agent; {url} is the address to connect to",
    },
    ...commonArgs,
    ...timeArgs,
    host: {
      type: "string",
      default: "127.0.0.1",
      valueHint: "ADDRESS",
      description: "address to listen on",
    },
    port: {
      type: "string",
      default: "0",
      valueHint: "PORT",
      description: "port to listen on; 0 selects a free one",
    },
    path: {
      type: "string",
      default: "/agent",
      valueHint: "PATH",
      description: "path to connect to",
    },
    command: {
      type: "string",
      default: "ping",
      valueHint: "NAME",
      description: "a command that the agent knows and answers soon",
    },
    params: { type: "string", valueHint: "JSON", description: "parameters of that command" },
    "status-interval": {
      type: "string",
      default: "60s",
      valueHint: "TIME",
      description: "interval of the agent's status updates",
    },
    "connect-timeout": {
      type: "string",
      default: "2m",
      valueHint: "TIME",
      description: "how long the agent may take to connect, and to connect again",
    },
    ...reportArgs,
  },
  run: ({ args, data }) => agentRun(args, (data as CommandData).lists.program ?? []),
});

const controlPlane = defineCommand({
  meta: {
    name: "control-plane",
    isStandalone: true,
    description: "Test a control plane: play agents that connect to it",
    examples: [
      "WSCTL_TOKEN=$TOKEN wsctl conformance control-plane wss://cp.example.com/agent",
      "wsctl conformance control-plane ws://127.0.0.1:7420 --token-file token --send 'wsctl send ping --agent web-1'",
    ],
  },
  args: {
    url: {
      type: "positional",
      required: true,
      valueHint: "URL",
      description: "ws(s):// endpoint of agents, or http(s):// of the control plane",
    },
    ...commonArgs,
    ...timeArgs,
    "token-file": {
      type: "string",
      valueHint: "FILE",
      description: "file with the token of an agent, or -; WSCTL_TOKEN is the alternative",
    },
    ca: {
      type: "string",
      valueHint: "FILE",
      description: "file with the CA certificate to trust (PEM)",
    },
    send: {
      type: "string",
      valueHint: "SHELL",
      description: "shell command that makes the control plane send a command to the agent",
    },
    ...reportArgs,
  },
  run: ({ args }) => controlRun(args),
});

export default defineCommand({
  meta: {
    name: "conformance",
    description: "Test implementations of the communication standard, in any language",
  },
  subCommands: { agent, "control-plane": controlPlane },
});

interface TimeFlags extends ReportFlags {
  timeout: string;
  heartbeat: string;
}

interface AgentFlags extends TimeFlags {
  host: string;
  port: string;
  path: string;
  command: string;
  params?: string | undefined;
  "status-interval": string;
  "connect-timeout": string;
}

const hourSeconds = 3_600;

function ms(flag: string, text: string): number {
  return parseSecondsWithin(flag, text, hourSeconds) * 1000;
}

async function agentRun(flags: AgentFlags, program: readonly string[]): Promise<number> {
  const { host, path, command, params } = flags;
  if (!path.startsWith("/"))
    throw usage(`Flag --path is "${path}": expected a path such as /agent`);
  const session = await AgentSession.open({
    ...{ host, path, command, port: parsePort(flags.port) },
    ...(params === undefined ? {} : { parameters: parseObject("its value", params) }),
    answerMs: ms("timeout", flags.timeout),
    // A heartbeat may come a little late.
    heartbeatMs: 1.5 * ms("heartbeat", flags.heartbeat) + 500,
    statusMs: 1.5 * ms("status-interval", flags["status-interval"]) + 500,
    connectMs: ms("connect-timeout", flags["connect-timeout"]),
  });
  const { url } = session;
  const words = program.map((word) => word.replaceAll("{url}", url));
  const child = words.length === 0 ? undefined : startAgentProgram(words, {});
  if (child === undefined) remark(`waiting for an agent at ${url}`);
  try {
    const results = await runAgentSuite(session, (result) => printResult(flags, result));
    return finish(flags, "agent", results);
  } finally {
    session.close();
    await child?.stop();
  }
}

interface ControlFlags extends TimeFlags {
  url: string;
  "token-file"?: string | undefined;
  ca?: string | undefined;
  send?: string | undefined;
}

async function controlRun(flags: ControlFlags): Promise<number> {
  const { ca, send } = flags;
  const token = readToken(flags);
  if (token === undefined) {
    throw usage("No token of an agent: specify --token-file FILE or WSCTL_TOKEN");
  }
  const session = new ControlSession({
    url: parseServer(flags.url).agentUrl,
    trust: ca === undefined ? {} : { ca: readTrustedFile("Flag --ca", ca) },
    token,
    answerMs: ms("timeout", flags.timeout),
    heartbeatMs: ms("heartbeat", flags.heartbeat),
    ...(send === undefined ? {} : { sendCommand: () => runShell(send) }),
  });
  try {
    const results = await runControlSuite(session, (result) => printResult(flags, result));
    return finish(flags, "control plane", results);
  } finally {
    session.close();
  }
}
