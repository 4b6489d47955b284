/** Parses the query parameters of `GET /api/v1/jobs`. */
import type { Context } from "hono";
import { validate as isUuid } from "uuid";
import * as v from "valibot";
import { type JobStatus, jobStatuses } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { AgentId, CommandName, ResourceName } from "../../protocol/names.ts";
import { isTimestamp } from "../../protocol/timestamp.ts";
import type { JobsQuery } from "../journal/jobQuery.ts";
import { readNumber } from "./route.ts";

const searchCharsMax = 1_000;
const idCharsMax = 512;

/**
 * The error names the parameter and the expected value.
 *
 * @throws {WsctlError} MALFORMED
 */
export function readJobsQuery(c: Context): JobsQuery {
  const before = read(c, "cursor", isUuid, "the id of a job")?.toLowerCase();
  const agentId = read(c, "agent", (text) => v.is(AgentId, text), "the id of an agent");
  const command = read(c, "command", (text) => v.is(CommandName, text), "the name of a command");
  const status = read(c, "status", isStatus, `one of ${jobStatuses.join(", ")}`);
  const since = read(c, "since", isTimestamp, "a time in ISO 8601 and UTC");
  const isName = (text: string) => text.length <= idCharsMax && !/\p{Cc}/u.test(text);
  const by = read(c, "by", isName, "the name or the id of a token");
  const isResource = (text: string) => v.is(ResourceName, text);
  const schedule = read(c, "schedule", isResource, "the name of a schedule");
  const isSearch = (text: string) => text.length <= searchCharsMax;
  const search = read(c, "search", isSearch, `at most ${searchCharsMax} characters`);
  return {
    limit: readNumber(c, "limit", { least: 1, most: 500, otherwise: 50 }),
    ...(before === undefined ? {} : { before }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(command === undefined ? {} : { command }),
    ...(status === undefined ? {} : { status: status as JobStatus }),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(by === undefined ? {} : creator(by)),
    ...(schedule === undefined ? {} : { schedule }),
    ...(search === undefined ? {} : { search }),
  };
}

function read(
  c: Context,
  name: string,
  isRight: (text: string) => boolean,
  rule: string,
): string | undefined {
  const text = c.req.query(name);
  if (text === undefined || isRight(text)) return text;
  throw new WsctlError("MALFORMED", `Query parameter "${name}" must be ${rule}`);
}

function isStatus(text: string): boolean {
  return (jobStatuses as readonly string[]).includes(text);
}

/** A name never looks like an id: see `OperatorName`. */
function creator(by: string): Pick<JobsQuery, "createdBy" | "createdByName"> {
  const isId = /^[0-9a-f]{12}$/.test(by) || by.includes("#");
  return isId ? { createdBy: by } : { createdByName: by };
}
