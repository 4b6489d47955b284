import { defineCommand } from "citty";
import * as v from "valibot";
import {
  type TokenOrder,
  TokenOrder as TokenOrderSchema,
  type TokenView,
} from "../lib/protocol/api.ts";
import { errorText, WsctlError } from "../lib/protocol/errors.ts";
import { issueText } from "../lib/protocol/issueText.ts";
import { usage } from "./_args.ts";
import { type ClientFlags, clientArgs, clientOf } from "./_common.ts";
import { exitOk } from "./_exit.ts";
import { deliver, print, printJson, remark, requireStdout, table } from "./_output.ts";
import { agentIdOf } from "./_units.ts";

const create = defineCommand({
  meta: {
    name: "create",
    description: "Make a token and print it, once",
    examples: ["wsctl tokens create --agent web-1", "wsctl tokens create --role operator"],
  },
  args: {
    ...clientArgs,
    agent: { type: "string", valueHint: "ID", description: "for this agent to connect with" },
    role: {
      type: "enum",
      options: ["operator", "admin"],
      description: "for a person or a program that uses the API",
    },
  },
  run: ({ args }) => createRun(args),
});

const list = defineCommand({
  meta: { name: "list", description: "List the tokens, without their secrets" },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const revoke = defineCommand({
  meta: { name: "revoke", description: "Revoke a token; its connections are closed at once" },
  args: {
    id: {
      type: "positional",
      required: true,
      valueHint: "TOKEN",
      description: "the token's id",
    },
    ...clientArgs,
  },
  run: ({ args }) => revokeRun(args),
});

export default defineCommand({
  meta: { name: "tokens", description: "Make, list and revoke tokens" },
  default: "list",
  subCommands: { create, list, revoke },
});

export interface TokensOptions extends ClientFlags {
  json?: boolean | undefined;
}

export async function createRun(
  options: TokensOptions & { agent?: string | undefined; role?: string | undefined },
): Promise<number> {
  const order = orderOf(options);
  const client = await clientOf(options);
  requireStdout();
  const token = await client.createToken(order);
  try {
    deliver(options.json ? JSON.stringify(token) : token.token);
  } catch (error) {
    // Nobody has seen it and nobody ever can: it must not stay in force.
    const revoked = await client.revokeToken(token.token_id).then(
      () => "is revoked again",
      (reason) => `could not be revoked: ${errorText(reason)}`,
    );
    const text = `${errorText(error)} (the new token ${token.token_id} ${revoked})`;
    throw new WsctlError("INTERNAL", text);
  }
  remark("Keep it: it is stored as a hash and cannot be shown again.");
  return exitOk;
}

export async function listRun(options: TokensOptions): Promise<number> {
  const tokens = await (await clientOf(options)).tokens();
  if (options.json) tokens.forEach(printJson);
  else print(table(["TOKEN", "ROLE", "AGENT", "CREATED", "BY", "REVOKED"], tokens.map(row)));
  return exitOk;
}

export async function revokeRun(options: TokensOptions & { id: string }): Promise<number> {
  await (await clientOf(options)).revokeToken(options.id);
  if (options.json) printJson({ token_id: options.id, revoked: true });
  else print(`revoked ${options.id}`);
  return exitOk;
}

function orderOf(options: { agent?: string | undefined; role?: string | undefined }): TokenOrder {
  const { agent, role } = options;
  if ((agent === undefined) === (role === undefined)) {
    throw usage("A token is for an agent or for an operator: give --agent ID or --role ROLE");
  }
  const order =
    agent === undefined ? { role } : { role: "agent", agent_id: agentIdOf("agent", agent) };
  const checked = v.safeParse(TokenOrderSchema, order);
  if (checked.success) return checked.output;
  throw usage(`Cannot make a token: ${issueText(checked.issues[0])}`);
}

function row(token: TokenView): string[] {
  return [
    token.token_id,
    token.role,
    token.agent_id ?? "-",
    token.created_at,
    token.created_by,
    token.revoked_at ?? "-",
  ];
}
