import { defineCommand } from "citty";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { changeContexts, findContext, readContexts } from "./flags/contextFile.ts";
import { contextPath, localContext } from "./flags/contextText.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const args = {
  ...commonArgs,
  json: { type: "boolean", description: "print JSON, one object per line" },
} as const;
const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the context; local: the control plane on this host",
} as const;

const list = defineCommand({
  meta: {
    name: "list",
    description: "List contexts; * marks the one in use",
    examples: ["wsctl context list"],
  },
  args,
  run: ({ args: flags }) => listRun(flags.json),
});

const use = defineCommand({
  meta: {
    name: "use",
    description: "Use a context from now on",
    examples: ["wsctl context use prod", "wsctl context use local"],
  },
  args: { name, ...args },
  run: ({ args: flags }) => useRun(flags.name),
});

const show = defineCommand({
  meta: { name: "show", description: "Show the context in use", examples: ["wsctl context show"] },
  args,
  run: ({ args: flags }) => showRun(flags.json),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete a context; its token stays valid",
    examples: ["wsctl context delete old"],
  },
  args: { name, ...args },
  run: ({ args: flags }) => deleteRun(flags.name),
});

export default defineCommand({
  meta: { name: "context", description: "Choose the control plane that commands use" },
  default: "list",
  subCommands: { list, use, show, delete: remove },
});

function listRun(json: boolean | undefined): number {
  const { current = localContext, contexts } = readContexts();
  const all = Object.entries(contexts).sort(([a], [b]) => (a < b ? -1 : 1));
  if (json) {
    for (const [each, { url }] of all) printJson({ name: each, url, current: each === current });
  } else if (all.length === 0) {
    remark("No contexts. Create one with: wsctl login STRING");
  } else {
    const rows = all.map(([each, { url }]) => [each === current ? "*" : "", each, url]);
    print(table(["", "NAME", "URL"], rows));
  }
  return exitOk;
}

async function useRun(chosen: string): Promise<number> {
  await changeContexts(({ current: _before, ...file }) => {
    if (chosen === localContext) return file;
    findContext(file, chosen);
    return { ...file, current: chosen };
  });
  print(`using ${chosen}`);
  return exitOk;
}

function showRun(json: boolean | undefined): number {
  const file = readContexts();
  const { current = localContext } = file;
  const url = file.current === undefined ? undefined : findContext(file, current).url;
  if (json)
    printJson({ name: current, ...(url === undefined ? {} : { url }), file: contextPath() });
  else
    print(url === undefined ? `${current}: the control plane on this host` : `${current}: ${url}`);
  return exitOk;
}

async function deleteRun(chosen: string): Promise<number> {
  await changeContexts((file) => {
    findContext(file, chosen);
    const { [chosen]: _deleted, ...contexts } = file.contexts;
    const current = file.current === chosen ? undefined : file.current;
    return { ...(current === undefined ? {} : { current }), contexts };
  });
  print(`deleted ${chosen}`);
  remark("Its token stays valid: revoke it with wsctl tokens revoke TOKEN");
  return exitOk;
}
