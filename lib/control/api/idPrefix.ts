/** Resolves the beginning of an id that an operator wrote to the one id that begins so. */
import { WsctlError } from "../../protocol/errors.ts";
import type { StoredJob } from "../core/model.ts";
import type { RouteContext } from "./route.ts";

/** The shortest beginning that is looked up, in characters. */
const prefixCharsMin = 4;

/** The number of candidates in an error. */
const candidatesShown = 5;

export interface IdLookup {
  /** What the id names, for errors. */
  what: string;
  isKnown(id: string): boolean;
  /** Returns up to `limit` ids that begin with the prefix and that the caller may see. */
  startingWith(prefix: string, limit: number): string[];
}

/**
 * Returns the whole id, or the given id in lower case if no id begins with it.
 *
 * @throws {WsctlError} CONFLICT with the candidates if several ids begin with it
 */
export function resolveId(text: string, { what, isKnown, startingWith }: IdLookup): string {
  // IDs are hexadecimal digits in lower case, which other programs may show in upper case.
  const given = /^[0-9a-fA-F-]+$/.test(text) ? text.toLowerCase() : text;
  const isPrefix = given.length >= prefixCharsMin && /^[0-9a-f-]+$/.test(given);
  if (!isPrefix || isKnown(given)) return given;
  const found = startingWith(given, candidatesShown + 1);
  if (found.length <= 1) return found[0] ?? given;
  const shown = found.slice(0, candidatesShown).join(", ");
  const more = found.length > candidatesShown ? " and others" : "";
  throw new WsctlError(
    "CONFLICT",
    `Cannot find ${what} "${given}": several IDs begin with it: ${shown}${more}. Write more of the ID`,
  );
}

/**
 * Finds the job with this id, or whose id begins so, unless the token must not see it.
 *
 * @throws {WsctlError} NOT_FOUND, CONFLICT if several ids begin so, or UNAVAILABLE while the index
 *   is being rebuilt
 */
export function findVisibleJob(
  { engine, token, scope }: Pick<RouteContext, "engine" | "token" | "scope">,
  given: string,
): StoredJob {
  const { journal } = engine;
  const creator = scope.isRestricted ? token.tokenId : undefined;
  const id = resolveId(given, {
    what: "job",
    isKnown: (each) => journal.job(each) !== undefined,
    startingWith: (prefix, limit) => journal.jobIdsFrom(prefix, limit, creator),
  });
  const job = journal.job(id);
  if (job !== undefined && (creator === undefined || job.createdBy === creator)) return job;
  journal.rebuild?.assertComplete(`job "${given}"`);
  throw new WsctlError("NOT_FOUND", `Unknown job "${given}". List the jobs to see their ids`);
}
