/** The route of operator sessions: one WebSocket for many jobs. */
import type { Route } from "./route.ts";

export const sessionRoutes: Route[] = [
  {
    method: "GET",
    path: "/api/v1/session",
    permission: "jobs.create",
    outlives: true,
    acts: true,
    handle: (context) => context.operatorSessions.open(context),
  },
];
