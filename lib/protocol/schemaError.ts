/**
 * Formats a schema error for the sender: the field and the rule, never the value, which may be long
 * or hostile. Unknown field names are shortened and sanitized.
 */
import * as v from "valibot";

const pathCharsMax = 80;

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = shown(v.getDotPath(issue));
  if (path === undefined) return formatRule(issue);
  if (issue.received === "undefined") return `${path} is missing`;
  if (issue.expected === "never") return `${path} is unknown`;
  return `${path} ${formatRule(issue)}`;
}

/** Schemas of wsctl contain their rule; rules of the library are formatted here. */
function formatRule(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith("Invalid ")) return issue.message;
  const { requirement } = issue;
  switch (issue.type) {
    case "integer":
      return "must be a whole number";
    case "min_value":
      return `must be at least ${requirement}`;
    case "max_value":
      return `must be at most ${requirement}`;
    case "min_length":
      return `must be of at least ${requirement} characters`;
    case "max_length":
      return `must be of at most ${requirement} characters`;
    case "object":
    case "strict_object":
      return "must be an object";
    default:
      return `must be ${/^[aeiou]/.test(issue.type) ? "an" : "a"} ${issue.type.replaceAll("_", " ")}`;
  }
}

function shown(path: string | null): string | undefined {
  if (path === null) return undefined;
  const clean = path.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, "?");
  return clean.length <= pathCharsMax ? clean : `${clean.slice(0, pathCharsMax)}…`;
}

/** Returns what is wrong, with control and unassigned characters of the input as escapes. */
export function formatIssue(issue: v.BaseIssue<unknown>): string {
  return describeIssue(issue).replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
