/**
 * `wsctl/agent`: an agent inside a program of your own. It keeps its connection, runs each request
 * at most once, and answers in the name of its token.
 *
 * @packageDocumentation
 */
export { type Agent, type AgentOptions, createAgent } from "../agent/createAgent.ts";
export {
  type CommandContext,
  CommandFailure,
  type CommandOptions,
} from "../agent/embedded/commandSet.ts";
export type {
  ParametersOf,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from "../agent/embedded/standardSchema.ts";
export type { Log, LogFields } from "../log/log.ts";
export { type ErrorCode, WsctlError } from "../protocol/errors.ts";
export type { JsonObject } from "../protocol/json.ts";
export type { Labels } from "../protocol/labels.ts";
