/** The page of routes: what each asks for, and which roles may; written from the code. */
import { writeFileSync } from "node:fs";
import { readsOnly } from "../lib/control/api/route.ts";
import { rolesWith } from "../lib/control/auth/permissions.ts";
import { consoleRoutes } from "../lib/control/console/console.ts";
import { routes } from "../lib/control/http/app.ts";
import { code, table } from "./markdown.ts";

const file = new URL("../docs/permissions.md", import.meta.url).pathname;

export function permissionsPage(): string {
  const api = routes.map((route) => {
    const { method, path, permission, action = "" } = route;
    const who = rolesWith(permission).join(", ");
    const byLogin = readsOnly(route) ? "yes" : "";
    return [code(`${method} ${path}`), code(permission), who, action && code(action), byLogin];
  });
  const pages = consoleRoutes.map(({ method, path, what }) => [code(`${method} ${path}`), what]);
  return `# Who may ask what

Written by \`npm run permissions\` from \`lib/control/http/app.ts\` and
\`lib/control/auth/permissions.ts\`; a test compares. Without a token only \`/healthz\`,
\`/readyz\`, \`/agent/challenge\` and the console's own addresses below answer. A token that is
narrowed sees and commands less: see \`lib/control/core/agents/agentScope.ts\`. A login of the
console has the role and the terms of its token, or the role that is granted to the person's groups,
and of that role only what the last column says.

${table(["route", "permission", "roles", "in the audit trail", "console"], api)}

## The console's own addresses

They hold nothing of the fleet. What posts is refused unless the console's own page asks.

${table(["address", "what it is"], pages)}
`;
}

if (import.meta.main) writeFileSync(file, permissionsPage());
