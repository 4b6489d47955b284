import { defineCommand } from "citty";
import type { WebhookView } from "../lib/protocol/api/events.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { parseEventTypes } from "./events.ts";
import { createClient } from "./flags/controlPlane.ts";
import { deliverSecret, print, printJson, remark, requireStdout } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the webhook",
} as const;

const create = defineCommand({
  meta: {
    name: "create",
    description: "Create a webhook and print its secret once",
    examples: [
      "wsctl webhooks create chat --url https://hooks.example/wsctl --events job.failed,agent.offline",
    ],
  },
  args: {
    name,
    url: {
      type: "string",
      required: true,
      valueHint: "URL",
      description: "https:// URL that gets a POST for each event",
    },
    events: {
      type: "string",
      required: true,
      valueHint: "TYPES",
      description: "types of events, separated by commas; see wsctl events --help",
    },
    ...clientArgs,
  },
  run: ({ args }) => createRun(args),
});

const list = defineCommand({
  meta: { name: "list", description: "List webhooks", examples: ["wsctl webhooks list"] },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const show = defineCommand({
  meta: {
    name: "show",
    description: "Show one webhook and the deliveries that were given up",
    examples: ["wsctl webhooks show pager"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => showRun(args),
});

const test = defineCommand({
  meta: {
    name: "test",
    description: "Send a ping to the webhook now",
    examples: ["wsctl webhooks test pager"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => testRun(args),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete a webhook",
    examples: ["wsctl webhooks delete pager"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "webhooks", description: "Manage webhooks that get events" },
  default: "list",
  subCommands: { create, list, show, test, delete: remove },
});

type Flags = ClientFlags & { json?: boolean | undefined };
type Named = Flags & { name: string };

async function createRun(flags: Named & { url: string; events: string }): Promise<number> {
  const events = parseEventTypes("events", flags.events);
  const client = await createClient(flags);
  requireStdout();
  const made = await client.webhooks.create({ name: flags.name, url: flags.url, events });
  await deliverSecret(flags.json ? JSON.stringify(made) : made.secret, () =>
    client.webhooks.delete(made.name).then(
      () => `the new webhook ${made.name} was deleted`,
      (reason) => `the new webhook ${made.name} could not be deleted: ${errorText(reason)}`,
    ),
  );
  remark("Keep it: it signs the deliveries, and cannot be shown again.");
  remark(`Test it with: wsctl webhooks test ${made.name}`);
  return exitOk;
}

async function listRun(flags: Flags): Promise<number> {
  const webhooks = await (await createClient(flags)).webhooks.list();
  if (flags.json) webhooks.forEach(printJson);
  else if (webhooks.length === 0) {
    remark("No webhooks. Create one with: wsctl webhooks create NAME --url URL --events TYPES");
  } else {
    const rows = webhooks.map((each) => [
      each.name,
      each.url,
      each.events.join(","),
      stateOf(each),
    ]);
    print(table(["NAME", "URL", "EVENTS", "STATE"], rows));
  }
  return exitOk;
}

async function showRun(flags: Named): Promise<number> {
  const webhook = await (await createClient(flags)).webhooks.get(flags.name);
  if (flags.json) printJson(webhook);
  else print(detail(webhook));
  return exitOk;
}

async function testRun(flags: Named): Promise<number> {
  const { delivered, answer } = await (await createClient(flags)).webhooks.test(flags.name);
  if (flags.json) printJson({ delivered, answer });
  else print(`${flags.name}: ${delivered ? "accepted" : `not delivered: ${answer}`}`);
  return delivered ? exitOk : exitFailed;
}

async function deleteRun(flags: Named): Promise<number> {
  await (await createClient(flags)).webhooks.delete(flags.name);
  if (flags.json) printJson({ name: flags.name, deleted: true });
  else print(`deleted ${flags.name}`);
  return exitOk;
}

function stateOf({ failing, dead_letters: dead }: WebhookView): string {
  const given = dead.length === 0 ? "" : `, ${dead.length} given up`;
  return `${failing === undefined ? "ok" : `failing: ${failing}`}${given}`;
}

function detail(webhook: WebhookView): string {
  const { created_by_name: by = webhook.created_by, dead_letters: dead } = webhook;
  const facts = [
    ["webhook", webhook.name],
    ["url", webhook.url],
    ["events", webhook.events.join(", ")],
    ["state", stateOf(webhook)],
    ["delivered through", `${webhook.delivered_through}`],
    ["created", `${webhook.created_at} by ${by}`],
  ];
  const own = table(["FIELD", "VALUE"], facts);
  if (dead.length === 0) return own;
  const rows = dead.map(({ sequence, type, at, reason }) => [`${sequence}`, type, at, reason]);
  return `${own}\n\n${table(["SEQUENCE", "EVENT", "AT", "GIVEN UP BECAUSE"], rows)}`;
}
