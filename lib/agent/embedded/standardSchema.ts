/**
 * The interface that schema libraries have in common (Standard Schema, version 1): valibot, Zod,
 * ArkType and others. Their parameters are validated without knowing the library.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import type { JsonObject } from "../../protocol/json.ts";

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** The library's own description as JSON Schema, where it has one. */
    readonly jsonSchema?: { input(options: { target: string }): Record<string, unknown> };
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type of valid parameters. */
export type ParametersOf<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["output"];

const issueCharsMax = 200;

/** The field and the rule of the first issue. */
export function formatStandardIssue(issues: readonly StandardIssue[]): string {
  const [issue] = issues;
  const path = (issue?.path ?? []).map((part) => {
    return String(typeof part === "object" ? part.key : part);
  });
  const text = [path.join("."), issue?.message ?? "are invalid"].filter((each) => each !== "");
  return `parameters: ${text.join(": ").slice(0, issueCharsMax)}`;
}

/** The schema as JSON Schema, if its library says it; undefined otherwise. */
export function readJsonSchema(schema: StandardSchema): JsonObject | undefined {
  try {
    if (schema["~standard"].vendor === "valibot") {
      const options = { errorMode: "ignore", typeMode: "input" } as const;
      return { ...toJsonSchema(schema as unknown as v.GenericSchema, options) };
    }
    return schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
  } catch {
    // What JSON Schema cannot say is validated when the command arrives.
    return undefined;
  }
}
