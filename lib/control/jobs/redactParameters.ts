/**
 * Redacts parameters for the audit trail: values that a schema marks as secret (`writeOnly`, or the
 * format `password`) and values that no schema describes are removed.
 */
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";

export const secretText = "[secret]";
export const unknownText = "[not described]";

/** @param schemas Parameter schemas of the command, from the selected agents. */
export function redactParameters(parameters: JsonObject, schemas: readonly unknown[]): JsonObject {
  const properties = schemas.map((schema) => readProperties(schema));
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => {
      const described = properties.flatMap((all) => (Object.hasOwn(all, key) ? [all[key]] : []));
      if (described.length === 0) return [key, unknownText];
      if (described.some(isSecret)) return [key, secretText];
      const isNested = isJsonObject(value);
      return [
        key,
        isNested ? redactParameters(value, described) : withoutSecrets(value, described),
      ];
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
