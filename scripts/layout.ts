/**
 * The folders of the source tree: what each is, and which others it may import. `npm run layout`
 * writes the tables of CONTRIBUTING.md from here; a test holds the imports against them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type Folder, folders } from "./folders.ts";
import { code, table } from "./markdown.ts";

export { folders } from "./folders.ts";

/** Files that lie in no folder of the table: they put things together, or everything uses them. */
export const looseFiles = {
  /** May import everything of their part. */
  roots: [
    ...["lib/control/start.ts", "lib/agent/start.ts", "lib/agent/engine.ts"],
    ...["lib/agent/createAgent.ts", "lib/control/createControlPlane.ts", "lib/control/listen.ts"],
    ...["lib/agent/engineOptions.ts", "lib/agent/capabilities.ts", "lib/agent/hostMetrics.ts"],
    ...[
      "lib/agent/agentMetrics.ts",
      "lib/agent/hostInfo.ts",
      "lib/agent/loggedJournal.ts",
      "lib/agent/metricsServer.ts",
      "lib/agent/requestTraces.ts",
      "lib/agent/requiresCommit.ts",
      "lib/agent/restartCheck.ts",
    ],
  ],
  /** Everything may import them; they import nothing. */
  shared: ["lib/failpoints.ts", "lib/escapeControls.ts"],
};

/** The folder of the table that a file lies in: the nearest above it. */
export function folderOf(path: string): Folder | undefined {
  const above = folders.filter((folder) => path.startsWith(`${folder.path}/`));
  return above.sort((a, b) => b.path.length - a.path.length)[0];
}

/** Whether a file of one folder may import a file. */
export function mayImport(from: Folder, to: string): boolean {
  return [from.path, ...from.mayImport].some((path) => to.startsWith(`${path}/`));
}

const [begin, end] = ["<!-- layout: written by npm run layout -->", "<!-- /layout -->"];

export function layoutTables(): string {
  const part = (title: string, prefix: string, isIn: (path: string) => boolean) => {
    const rows = folders
      .filter(({ path }) => isIn(path))
      .map(({ path, what, mayImport: list }) => {
        const named = list.map((each) => code(each.replace(prefix, "").replace("lib/", "")));
        return [code(`${path.replace(prefix, "")}/`), what, named.join(", ") || "nothing"];
      });
    return table([title, "what it is", "may import"], rows);
  };
  const isOf = (name: string) => (path: string) => path.startsWith(`lib/${name}/`);
  const isShared = (path: string) => !isOf("control")(path) && !isOf("agent")(path);
  return [
    part("shared, in `lib/`", "lib/", isShared),
    part("in `lib/control/`", "lib/control/", isOf("control")),
    part("in `lib/agent/`", "lib/agent/", isOf("agent")),
  ].join("\n\n");
}

/** The page with the tables as they should be. */
export function withTables(page: string): string {
  const [before, rest] = [page.split(begin)[0], page.split(end)[1]];
  if (rest === undefined) throw new Error(`CONTRIBUTING.md lacks "${begin}" or "${end}"`);
  return `${before}${begin}\n\n${layoutTables()}\n\n${end}${rest}`;
}

if (import.meta.main) {
  const file = new URL("../CONTRIBUTING.md", import.meta.url).pathname;
  writeFileSync(file, withTables(readFileSync(file, "utf8")));
}
