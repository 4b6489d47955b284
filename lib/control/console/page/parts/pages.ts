/** The pages of the console: their names, their addresses and the keys that open them. */
import type { Permission } from "../../../auth/permissions.ts";

export interface PageInfo {
  path: string;
  title: string;
  /** Opened by `g` and this letter. */
  key: string;
  permission: Permission;
  /** Only a console that may change something has it. */
  isAction?: true;
}

export const pages: readonly PageInfo[] = [
  { path: "overview", title: "Overview", key: "o", permission: "agents.read" },
  { path: "agents", title: "Agents", key: "a", permission: "agents.read" },
  { path: "jobs", title: "Jobs", key: "j", permission: "jobs.read" },
  { path: "run", title: "Run", key: "r", permission: "jobs.create", isAction: true },
  { path: "approvals", title: "Approvals", key: "p", permission: "jobs.read" },
  { path: "schedules", title: "Schedules", key: "s", permission: "jobs.read" },
  { path: "templates", title: "Templates", key: "m", permission: "jobs.read" },
  { path: "targets", title: "Targets", key: "l", permission: "jobs.read" },
  { path: "artifacts", title: "Artifacts", key: "f", permission: "artifacts.read" },
  { path: "tokens", title: "Tokens", key: "t", permission: "tokens.manage" },
  { path: "webhooks", title: "Webhooks", key: "w", permission: "webhooks.manage" },
  { path: "audit", title: "Audit", key: "u", permission: "audit.read" },
  { path: "cluster", title: "Cluster", key: "c", permission: "cluster.read" },
  { path: "settings", title: "Settings", key: "e", permission: "self.read" },
];
