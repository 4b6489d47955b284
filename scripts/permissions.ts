/** The page of routes: what each asks for, and which roles may; written from the code. */
import { writeFileSync } from "node:fs";
import { routes } from "../lib/control/app.ts";
import { rolesWith } from "../lib/control/permissions.ts";

const file = new URL("../docs/permissions.md", import.meta.url).pathname;

export function permissionsPage(): string {
  const rows = routes.map(({ method, path, permission, action = "" }) => {
    const who = rolesWith(permission).join(", ");
    return [`\`${method} ${path}\``, `\`${permission}\``, who, action && `\`${action}\``];
  });
  const head = ["route", "permission", "roles", "in the audit trail"];
  const widths = head.map((text, at) =>
    Math.max(text.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return `# Who may ask what

Written by \`npm run permissions\` from \`lib/control/app.ts\` and \`lib/control/permissions.ts\`; a test
compares. Without a token only \`/healthz\`, \`/readyz\` and \`/agent/challenge\` answer. A token that is
narrowed sees and commands less: see \`lib/control/scope.ts\`.

${[line(head), rule, ...rows.map(line)].join("\n")}
`;
}

if (import.meta.main) writeFileSync(file, permissionsPage());
