/**
 * Parameters as the audit trail may keep them: what a schema marks as secret (`writeOnly`, or the
 * format `password`) is left out, and so is what no schema describes.
 */
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";

export const secretText = "[secret]";
export const unknownText = "[not described]";

/** `schemas`: of the command, as the agents that are meant describe it. */
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

/** A list keeps its items only where nothing about them is secret. */
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
