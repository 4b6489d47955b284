/**
 * `wsctl/control`: a control plane inside a program of your own, on Bun and Deno, alone or below a
 * path of a Hono application.
 *
 * @packageDocumentation
 */
export type { HostAuthentication, HostUser } from "../control/auth/hostUser.ts";
export type { UserRole } from "../control/auth/oidcUser.ts";
export {
  type ControlPlane,
  type ControlPlaneOptions,
  createControlPlane,
} from "../control/createControlPlane.ts";
export type { Log, LogFields } from "../log/log.ts";
export { type ErrorCode, WsctlError } from "../protocol/errors.ts";
