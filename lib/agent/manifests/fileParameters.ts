/**
 * Parameters of custom commands that are files: `type = "artifact"` in a manifest. An agent
 * announces such a parameter as an object with the format `artifact`.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { ArtifactParameter } from "../../protocol/commands/files.ts";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { formatIssue } from "../../protocol/schemaError.ts";

const format = "artifact";
const allowedKeys = ["type", "description", "title"];

/** Returns the schema of a manifest as JSON Schema, which knows no type `artifact`. */
export function expandArtifacts(schema: JsonObject): JsonObject {
  const own = listProperties(schema).filter(([, property]) => property.type === format);
  if (own.length === 0) return schema;
  const { $schema: _draft, ...artifact } = toJsonSchema(ArtifactParameter, { errorMode: "ignore" });
  const expanded = own.map(([name, property]) => [name, { ...property, ...artifact, format }]);
  const { properties } = schema as { properties: JsonObject };
  return { ...schema, properties: { ...properties, ...Object.fromEntries(expanded) } };
}

/** Returns what is wrong with a parameter of the type `artifact`. */
export function checkArtifacts(schema: JsonObject): string | undefined {
  for (const [name, property] of listProperties(schema)) {
    if (property.type !== format) continue;
    // The name becomes that of a directory.
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
      return `parameters.properties.${name}: the name of an artifact must have letters, digits, _ and -`;
    }
    const surplus = Object.keys(property).find((key) => !allowedKeys.includes(key));
    if (surplus !== undefined) {
      return `parameters.properties.${name}.${surplus}: an artifact has only a description`;
    }
  }
  return undefined;
}

/** Returns the parameters that are files, by name, or what is wrong with one. */
export function readFiles(
  schema: JsonObject,
  values: JsonObject,
): { files: Record<string, ArtifactParameter>; fault?: never } | { files?: never; fault: string } {
  const files: Record<string, ArtifactParameter> = {};
  for (const [name, property] of listProperties(schema)) {
    if (property.format !== format || values[name] === undefined) continue;
    const parsed = v.safeParse(ArtifactParameter, values[name]);
    if (!parsed.success) return { fault: `parameters.${name}.${formatIssue(parsed.issues[0])}` };
    files[name] = parsed.output;
  }
  return { files };
}

function listProperties({ properties }: JsonObject): [string, JsonObject][] {
  const all = Object.entries(isJsonObject(properties) ? properties : {});
  return all.filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}
