/** Finds the selector of a saved target. */
import { parseSelector, type Selector } from "../../protocol/api/selector.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { DefinitionTable } from "../journal/tables/definitionTable.ts";

/** @throws {WsctlError} NO_MATCH if there is none of this name */
export function findSavedTarget(definitions: Pick<DefinitionTable, "get">, name: string): Selector {
  const found = definitions.get("target", name);
  if (found !== undefined) return parseSelector(found.value.selector);
  throw new WsctlError(
    "NO_MATCH",
    `Unknown saved target "@${name}". List them with: wsctl targets`,
  );
}
