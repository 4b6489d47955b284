/** The page of routes: what each asks for, and which roles may; written from the code. */
import { writeFileSync } from "node:fs";
import { type Route, readsOnly } from "../lib/control/api/route.ts";
import { rolesWith } from "../lib/control/auth/permissions.ts";
import { consoleRoutes } from "../lib/control/console/console.ts";
import { deviceRoutes } from "../lib/control/console/oidc/deviceRoutes.ts";
import { routes } from "../lib/control/http/routes.ts";
import { code, table } from "./markdown.ts";

const file = new URL("../docs/permissions.md", import.meta.url).pathname;

export function permissionsPage(): string {
  const api = routes.map((route) => {
    const { method, path, permission, action = "" } = route;
    const who = rolesWith(permission).join(", ");
    const byLogin = inConsole(route);
    return [code(`${method} ${path}`), code(permission), who, action && code(action), byLogin];
  });
  const pages = consoleRoutes.map(({ method, path, what }) => [code(`${method} ${path}`), what]);
  const logins = deviceRoutes.map(({ method, path, what }) => [code(`${method} ${path}`), what]);
  return `# Permissions

\`npm run permissions\` writes this page from \`lib/control/http/routes.ts\` and
\`lib/control/auth/permissions.ts\`, and a test compares them. Without a token only \`/healthz\`,
\`/readyz\`, \`/agent/challenge\`, and the addresses of the console and of \`wsctl login URL\` below
answer. A narrowed token reads and commands less: see \`lib/control/core/agents/agentScope.ts\`. A console session has the
role and the restrictions of its token, or the role that is granted to the groups of the person, and
of that role only the routes of the last column: \`yes\` those of every console, \`full\` those of
\`wsctl serve --console full\`, and \`confirmed\` those that also need a recent login.

${table(["route", "permission", "roles", "in the audit trail", "console"], api)}

## Addresses of the console

They contain no data of the fleet. Requests with POST are refused unless the page of the console
sends them.

${table(["address", "what it is"], pages)}

## Addresses of \`wsctl login URL\`

They answer 404 without an OpenID provider. The second asks for the secret that the first returned.

${table(["address", "what it is"], logins)}
`;
}

function inConsole(route: Route): string {
  if (readsOnly(route)) return "yes";
  if (route.notInConsole) return "";
  return route.needsConfirmation ? "confirmed" : "full";
}

if (import.meta.main) writeFileSync(file, permissionsPage());
