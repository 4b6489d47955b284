/**
 * Names that are transmitted: agent ids, request ids, command names. They are validated on receipt
 * and never used as a path or as a part of a query.
 */
import * as v from "valibot";
import {
  agentIdCharsMax,
  artifactNameBytesMax,
  commandCharsMax,
  requestIdCharsMax,
} from "./limits.ts";

/**
 * Printable text: no control, format, private-use or unpaired characters and no line breaks.
 * Unassigned characters are allowed, because runtimes have different Unicode versions.
 */
const printable = /^[^\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]+$/u;
const agentIdShape = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;

function printableText(charsMax: number) {
  return v.pipe(
    v.string("must be a string"),
    v.minLength(1, "must not be empty"),
    v.maxLength(charsMax, `must be of at most ${charsMax} characters`),
    v.check((text) => printable.test(text) && text.trim() !== "", "must be printable"),
  );
}

export const RequestId = printableText(requestIdCharsMax);

export const CommandName = printableText(commandCharsMax);

/** The name of a person or a program that uses the API. It never looks like the id of a token. */
export const OperatorName = v.pipe(
  printableText(64),
  v.check((text) => text === text.trim(), "must not begin or end with a space"),
  v.check((text) => !/^[0-9a-f]{12}$/.test(text), "must not look like the ID of a token"),
  v.check((text) => !text.includes("#"), "must not contain #"),
);

/** The name of a schedule, a template or a saved target. */
export const ResourceName = v.pipe(
  v.string("must be a string"),
  v.regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i,
    "must be letters, digits, '.', '_' or '-', at most 64 of them",
  ),
);

/** Why a job is created, such as the number of a ticket. */
export const Reason = printableText(500);

/** Lower-case letters and digits, with `.`, `_` or `-` between them, as in a host name. */
export const AgentId = v.pipe(
  v.string("must be a string"),
  v.maxLength(agentIdCharsMax, `must be of at most ${agentIdCharsMax} characters`),
  v.regex(agentIdShape, "must be lower-case letters and digits, with '.', '_' or '-' between them"),
);

/** A plain file name that is valid on every platform. */
export const ArtifactName = v.pipe(
  printableText(artifactNameBytesMax),
  v.check(
    (text) => !/[/\\]/.test(text) && text !== "." && text !== "..",
    "must be a plain file name: no / or \\, and not . or ..",
  ),
  v.check(
    (text) => new TextEncoder().encode(text).length <= artifactNameBytesMax,
    `must be of at most ${artifactNameBytesMax} bytes in UTF-8`,
  ),
);
