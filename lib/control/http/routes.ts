/** Every route of the API, with its permission. */
import { agentRoutes } from "../api/agents.ts";
import { artifactRoutes } from "../api/artifacts.ts";
import { auditRoutes } from "../api/audit.ts";
import { backupRoutes } from "../api/backup.ts";
import { clusterRoutes } from "../api/cluster.ts";
import { eventRoutes } from "../api/events.ts";
import { jobRoutes } from "../api/jobs.ts";
import { joinRoutes } from "../api/join.ts";
import { metricsRoutes } from "../api/metrics.ts";
import { openApiRoutes } from "../api/openApi.ts";
import { releaseRoutes } from "../api/releases.ts";
import type { Route } from "../api/route.ts";
import { savedTargetRoutes } from "../api/savedTargets.ts";
import { scheduleRoutes } from "../api/schedules.ts";
import { sessionRoutes } from "../api/sessionRoute.ts";
import { templateRoutes } from "../api/templates.ts";
import { tokenRoutes } from "../api/tokens.ts";
import { toolCallRoutes } from "../api/toolCalls.ts";
import { webhookRoutes } from "../api/webhooks.ts";

export const routes: readonly Route[] = [
  ...jobRoutes,
  ...sessionRoutes,
  ...scheduleRoutes,
  ...templateRoutes,
  ...savedTargetRoutes,
  ...agentRoutes,
  ...artifactRoutes,
  ...releaseRoutes,
  ...tokenRoutes,
  ...metricsRoutes,
  ...clusterRoutes,
  ...eventRoutes,
  ...webhookRoutes,
  ...joinRoutes,
  ...auditRoutes,
  ...toolCallRoutes,
  ...backupRoutes,
  ...openApiRoutes,
];
