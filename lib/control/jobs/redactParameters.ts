/**
 * Redacts parameters: values that a schema marks as secret (`writeOnly`, or the format `password`)
 * are removed everywhere, and for the audit trail also values that no schema describes.
 */
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";

export const secretText = "[secret]";
export const unknownText = "[not described]";

/**
 * Redacts parameters for the audit trail.
 * @param schemas Parameter schemas of the command, from the selected agents.
 */
export function redactParameters(parameters: JsonObject, schemas: readonly unknown[]): JsonObject {
  return redact(parameters, schemas, unknownText);
}

/**
 * Masks what is secret, for views.
 * @param schemas Parameter schemas of the command, from all agents.
 */
export function maskSecrets(parameters: JsonObject, schemas: readonly unknown[]): JsonObject {
  return redact(parameters, schemas, undefined);
}

/** Returns a saved job with its secret parameters masked. */
export function maskJob<T extends { command: string; parameters?: JsonObject | undefined }>(
  job: T,
  capabilities: { schemas(command: string): unknown[] },
): T {
  const { command, parameters } = job;
  if (parameters === undefined) return job;
  return { ...job, parameters: maskSecrets(parameters, capabilities.schemas(command)) };
}

/** @param unknown What replaces a value that no schema describes; undefined leaves it. */
function redact(
  parameters: JsonObject,
  schemas: readonly unknown[],
  unknown: string | undefined,
): JsonObject {
  const properties = schemas.map((schema) => readProperties(schema));
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => {
      const described = properties.flatMap((all) => (Object.hasOwn(all, key) ? [all[key]] : []));
      if (described.length === 0) return [key, unknown ?? value];
      if (described.some(isSecret)) return [key, secretText];
      const isNested = isJsonObject(value);
      return [key, isNested ? redact(value, described, unknown) : withoutSecrets(value, described)];
    }),
  );
}

/** A list keeps its items only if none of their properties is secret. */
function withoutSecrets(value: unknown, described: readonly unknown[]): unknown {
  if (!Array.isArray(value)) return value;
  const hasSecret = JSON.stringify(described).match(/"writeOnly":true|"format":"password"/);
  return hasSecret === null ? value : secretText;
}

function readProperties(schema: unknown): JsonObject {
  const { properties } = isJsonObject(schema) ? schema : {};
  return isJsonObject(properties) ? properties : {};
}

function isSecret(schema: unknown): boolean {
  return isJsonObject(schema) && (schema.writeOnly === true || schema.format === "password");
}
