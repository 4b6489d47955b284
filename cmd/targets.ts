import { defineCommand } from "citty";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { createClient } from "./flags/controlPlane.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the saved target, without @",
} as const;

const create = defineCommand({
  meta: {
    name: "create",
    description: "Save a selector under a name, for --target @NAME",
    examples: [
      "wsctl targets create web --target 'role=web,env=prod'",
      "wsctl send ping --target @web",
      "wsctl send ping --target '@web and not canary'",
    ],
  },
  args: {
    name,
    target: {
      type: "string",
      required: true,
      valueHint: "SELECTOR",
      description: 'selector of labels and agent attributes: "env=prod,role in (web,api)"',
    },
    ...clientArgs,
  },
  run: ({ args }) => createRun(args),
});

const list = defineCommand({
  meta: { name: "list", description: "List saved targets", examples: ["wsctl targets list"] },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const show = defineCommand({
  meta: {
    name: "show",
    description: "Show the agents that a saved target selects now",
    examples: ["wsctl targets show web"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => showRun(args),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete a saved target",
    examples: ["wsctl targets delete web"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "targets", description: "Manage saved targets" },
  default: "list",
  subCommands: { create, list, show, delete: remove },
});

type Flags = ClientFlags & { json?: boolean | undefined };

async function createRun(flags: Flags & { name: string; target: string }): Promise<number> {
  const { name: as, target: selector } = flags;
  const made = await (await createClient(flags)).savedTargets.create({ name: as, selector });
  if (flags.json) printJson(made);
  else print(`@${made.name}: ${made.selector}`);
  return exitOk;
}

async function listRun(flags: Flags): Promise<number> {
  const targets = await (await createClient(flags)).savedTargets.list();
  if (flags.json) targets.forEach(printJson);
  else if (targets.length === 0) {
    remark("No saved targets. Create one with: wsctl targets create NAME --target SELECTOR");
  } else {
    const rows = targets.map((each) => [
      `@${each.name}`,
      each.selector,
      each.created_by_name ?? each.created_by,
    ]);
    print(table(["NAME", "SELECTOR", "BY"], rows));
  }
  return exitOk;
}

async function showRun(flags: Flags & { name: string }): Promise<number> {
  const agents = await (await createClient(flags)).agents({ selector: `@${flags.name}` });
  if (flags.json) agents.forEach(printJson);
  else {
    const rows = agents.map(({ agent_id, online }) => [agent_id, online ? "online" : "offline"]);
    print(table(["AGENT", "STATE"], rows));
    remark(`${quantity(agents.length, "agent")} selected`);
  }
  return exitOk;
}

async function deleteRun(flags: Flags & { name: string }): Promise<number> {
  await (await createClient(flags)).savedTargets.delete(flags.name);
  if (flags.json) printJson({ name: flags.name, deleted: true });
  else print(`deleted @${flags.name}`);
  return exitOk;
}
