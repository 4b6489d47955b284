import { defineCommand } from "citty";
import type { NewToken, TokenView } from "../lib/protocol/api/tokens.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import type { CommandData } from "./cli/strictArgs.ts";
import { createClient } from "./flags/controlPlane.ts";
import { parseTokenFlags, type TokenFlags } from "./flags/token.ts";
import { quantity } from "./output/quantity.ts";
import { deliverSecret, print, printJson, remark, requireStdout } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const create = defineCommand({
  meta: {
    name: "create",
    description: "Create a token and print it once",
    examples: [
      "wsctl tokens create --join --label env=prod",
      "wsctl tokens create --role operator --allow restart,fetch_logs --target env=staging --expires-in 30d",
      "wsctl tokens create --role operator --name ana --login",
      "wsctl tokens create --agent web-1",
    ],
  },
  args: {
    ...clientArgs,
    join: { type: "boolean", description: "create a join string for a new host" },
    login: {
      type: "boolean",
      description: "with --role: create a login string for wsctl login, valid once within 1h",
    },
    agent: {
      type: "string",
      valueHint: "ID",
      description: "agent ID that the token is for",
    },
    role: {
      type: "enum",
      options: ["viewer", "operator", "admin", "metrics", "trigger"],
      description: "role of a person or a program that uses the API",
    },
    name: {
      type: "string",
      valueHint: "NAME",
      description: "person or program that it is for, shown with its jobs and in the audit trail",
    },
    "expires-in": {
      type: "string",
      valueHint: "TIME",
      description: "lifetime, such as 30d; default: 1h with --join, otherwise unlimited",
    },
    uses: { type: "string", valueHint: "N", description: "with --join: number of hosts (1)" },
    label: {
      type: "string",
      valueHint: "KEY=VALUE",
      description: "label of the agent that uses the token (repeatable)",
    },
    allow: {
      type: "string",
      valueHint: "COMMANDS",
      description: "commands that the token may run, separated by commas",
    },
    target: {
      type: "string",
      valueHint: "SELECTOR",
      description: "selector of the agents that the token may see and command: env=staging",
    },
    template: {
      type: "string",
      valueHint: "TEMPLATE",
      description: "with --role trigger: the template that the token may start",
    },
    "allow-from": {
      type: "string",
      valueHint: "ADDRESSES",
      description: "addresses that the token may be used from: 10.0.0.0/8,192.0.2.7",
    },
  },
  run: ({ args, data }) => createRun({ ...args, labels: (data as CommandData).lists.label ?? [] }),
});

const list = defineCommand({
  meta: {
    name: "list",
    description: "List tokens without their secrets",
    examples: ["wsctl tokens list", "wsctl tokens list --all"],
  },
  args: {
    ...clientArgs,
    all: {
      type: "boolean",
      description: "also list revoked, expired and used tokens, which JSON always has",
    },
  },
  run: ({ args }) => listRun(args),
});

const rotate = defineCommand({
  meta: {
    name: "rotate",
    description: "Replace the secret of a token; the old secret is invalid at once",
    examples: ["wsctl tokens rotate 044d"],
  },
  args: {
    id: {
      type: "positional",
      required: true,
      valueHint: "TOKEN",
      description: "token ID, or its beginning of at least 4 characters",
    },
    ...clientArgs,
  },
  run: ({ args }) => rotateRun(args),
});

const revoke = defineCommand({
  meta: {
    name: "revoke",
    description: "Revoke a token; its connections are closed at once",
    examples: ["wsctl tokens revoke 044d"],
  },
  args: {
    id: {
      type: "positional",
      required: true,
      valueHint: "TOKEN",
      description: "token ID, or its beginning of at least 4 characters",
    },
    ...clientArgs,
  },
  run: ({ args }) => revokeRun(args),
});

export default defineCommand({
  meta: { name: "tokens", description: "Create, list, rotate and revoke tokens" },
  default: "list",
  subCommands: { create, list, rotate, revoke },
});

/** The states in which a token is of no use any more. */
const hasEnded: ReadonlySet<TokenView["state"]> = new Set(["expired", "used", "revoked"]);

export interface TokensOptions extends ClientFlags {
  json?: boolean | undefined;
}

/** @throws {WsctlError} INTERNAL */
export async function createRun(options: TokensOptions & TokenFlags): Promise<number> {
  const request = parseTokenFlags(options);
  const client = await createClient(options);
  requireStdout();
  const token = await client.createToken(request);
  const line = options.json ? JSON.stringify(token) : (token.join ?? token.login ?? token.token);
  await deliverSecret(line, () =>
    client.revokeToken(token.token_id).then(
      () => `the new token ${token.token_id} was revoked`,
      (reason) => `the new token ${token.token_id} could not be revoked: ${errorText(reason)}`,
    ),
  );
  remark(buildHint(token));
  return exitOk;
}

function buildHint({ join, login, uses_left: uses = 1, expires_at }: NewToken): string {
  if (login !== undefined) return `Valid once until ${expires_at}: wsctl login STRING`;
  if (join === undefined) return "Keep it: it is stored as a hash and cannot be shown again.";
  const hosts = uses === 1 ? "one host" : `${uses} hosts`;
  return `Valid for ${hosts} until ${expires_at}: wsctl agent --join STRING`;
}

async function rotateRun(options: TokensOptions & { id: string }): Promise<number> {
  const client = await createClient(options);
  requireStdout();
  const token = await client.rotateToken(options.id);
  const lost = `the old secret is invalid, and the new one is lost: rotate ${token.token_id} again`;
  await deliverSecret(options.json ? JSON.stringify(token) : token.token, async () => lost);
  remark("Store it now: the old secret is invalid, and this one cannot be shown again.");
  return exitOk;
}

export async function listRun(
  options: TokensOptions & { all?: boolean | undefined },
): Promise<number> {
  const tokens = await (await createClient(options)).tokens();
  if (options.json) {
    tokens.forEach(printJson);
    return exitOk;
  }
  const headings = ["TOKEN", "NAME", "ROLE", "STATE", "AGENT", "ONLY", "EXPIRES", "BY"];
  const names = new Map(tokens.map(({ token_id, name }) => [token_id, name]));
  // The record of a token stays for the audit trail, so a list would only grow.
  const shown = options.all ? tokens : tokens.filter(({ state }) => !hasEnded.has(state));
  print(
    table(
      headings,
      shown.map((token) => row(token, names.get(token.created_by))),
    ),
  );
  const hidden = tokens.length - shown.length;
  if (hidden > 0) remark(`Not shown: ${quantity(hidden, "ended token")}. List them with --all`);
  return exitOk;
}

export async function revokeRun(options: TokensOptions & { id: string }): Promise<number> {
  const { token_id } = await (await createClient(options)).revokeToken(options.id);
  if (options.json) printJson({ token_id, revoked: true });
  else print(`revoked ${token_id}`);
  return exitOk;
}

function row(token: TokenView, creator = token.created_by): string[] {
  return [
    token.token_id,
    token.name ?? "-",
    token.kind === "key" ? `${token.role} key` : token.role,
    token.state,
    token.agent_id ?? "-",
    formatTerms(token),
    token.expires_at ?? "never",
    creator,
  ];
}

/** Formats the restrictions of a token like the flags. */
function formatTerms({
  commands,
  target,
  template,
  addresses,
  labels,
  uses_left,
}: TokenView): string {
  const terms = [
    ...(commands === undefined ? [] : [`allow ${commands.join(",")}`]),
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(template === undefined ? [] : [`template ${template}`]),
    ...(addresses === undefined ? [] : [`from ${addresses.join(",")}`]),
    ...Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(uses_left === undefined ? [] : [`${uses_left} left`]),
  ];
  return terms.length === 0 ? "-" : terms.join(" ");
}
