/** The permissions of each role. Unlisted permissions are denied. */
import { type Role, roles } from "../../protocol/api/tokens.ts";

/** A permission that an API route requires. */
export type Permission =
  | "self.read"
  | "self.rotate"
  | "self.login"
  | "agents.read"
  | "agents.manage"
  | "agents.join"
  | "jobs.read"
  | "jobs.create"
  | "jobs.approve"
  | "templates.trigger"
  | "artifacts.read"
  | "artifacts.upload"
  | "artifacts.delete"
  | "releases.read"
  | "releases.publish"
  | "tokens.manage"
  | "metrics.read"
  | "cluster.read"
  | "events.read"
  | "webhooks.manage"
  | "audit.read"
  | "backup.create";

const metrics: readonly Permission[] = ["self.read", "metrics.read", "cluster.read"];
const viewer: readonly Permission[] = [
  ...metrics,
  "events.read",
  "agents.read",
  "jobs.read",
  "releases.read",
];
const operator: readonly Permission[] = [
  ...viewer,
  "jobs.create",
  "templates.trigger",
  "jobs.approve",
  "artifacts.read",
  "artifacts.upload",
];
const admin: readonly Permission[] = [
  ...operator,
  "agents.manage",
  "artifacts.delete",
  "releases.publish",
  "tokens.manage",
  "webhooks.manage",
  "audit.read",
  "backup.create",
];

const granted: Record<Role, readonly Permission[]> = {
  admin,
  operator,
  viewer,
  metrics,
  trigger: ["self.read", "templates.trigger"],
  agent: ["self.rotate", "artifacts.read", "artifacts.upload", "releases.read"],
  join: ["agents.join"],
  login: ["self.login"],
};

export function permits(role: Role, permission: Permission): boolean {
  return granted[role].includes(permission);
}

export function permissionsOf(role: Role): readonly Permission[] {
  return granted[role];
}

/** Returns the roles of people that include the permission, for error messages. */
export function rolesWith(permission: Permission): Role[] {
  return roles.filter((role) => permits(role, permission));
}
