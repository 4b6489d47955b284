/**
 * What operators define under a name: templates, saved targets and webhooks. There are few of them,
 * so they are kept in memory; changes are recorded first.
 */
import type { DeadLetter, WebhookRequest } from "../../../protocol/api/events.ts";
import type { SavedTargetRequest } from "../../../protocol/api/target.ts";
import type { TemplateRequest } from "../../../protocol/api/templates.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { definitionBytesMax, definitionsMax } from "../../../protocol/limits.ts";
import type { Database } from "../../../store/sqlite.ts";
import type { IndexReads } from "../index/currentIndex.ts";

export interface Definitions {
  template: TemplateRequest;
  target: SavedTargetRequest;
  webhook: StoredWebhook;
}

export interface StoredWebhook extends WebhookRequest {
  /** The key of the signatures, in base64. */
  secret: string;
  /** The last entry whose events were delivered or given up. */
  deliveredThrough: number;
  /** The latest deliveries that were given up. */
  deadLetters: DeadLetter[];
}

export type DefinitionKind = keyof Definitions;

export interface Definition<Kind extends DefinitionKind = DefinitionKind> {
  kind: Kind;
  name: string;
  value: Definitions[Kind];
  /** Milliseconds since 1970. */
  createdAt: number;
  createdBy: string;
  createdByName?: string;
}

export type DefinitionFact =
  | { type: "definition_stored"; definition: Definition }
  | { type: "definition_removed"; kind: DefinitionKind; name: string };

/** All methods are synchronous, durable when they return, and throw on failure. */
export interface DefinitionTable {
  get<Kind extends DefinitionKind>(kind: Kind, name: string): Definition<Kind> | undefined;
  /** Sorted by name. */
  all<Kind extends DefinitionKind>(kind: Kind): Definition<Kind>[];
  /** @throws {WsctlError} CONFLICT if the name is taken, TOO_LARGE, BUSY if there are too many */
  add(definition: Definition): void;
  /** Replaces a definition of the same kind and name. */
  replace(definition: Definition): void;
  /** Returns whether it existed. */
  remove(kind: DefinitionKind, name: string): boolean;
  /** Of all kinds. */
  everything(): Definition[];
}

/**
 * @param record makes facts durable, and writes them into the index, before it returns
 * @throws {WsctlError} CONFLICT, TOO_LARGE or BUSY from `add`
 */
export function createDefinitionTable(
  db: IndexReads,
  record: (...facts: DefinitionFact[]) => void,
): DefinitionTable {
  const rows = db.prepare<[], { record: string }>("SELECT record FROM definitions").all();
  const held = new Map<string, Definition>();
  const keyOf = (kind: DefinitionKind, name: string) => `${kind}/${name}`;
  for (const row of rows) {
    const definition = JSON.parse(row.record) as Definition;
    held.set(keyOf(definition.kind, definition.name), definition);
  }
  const sorted = () => [...held.keys()].sort().flatMap((key) => held.get(key) ?? []);
  const all = <Kind extends DefinitionKind>(kind: Kind) => {
    return sorted().filter((each) => each.kind === kind) as Definition<Kind>[];
  };
  return {
    get: <Kind extends DefinitionKind>(kind: Kind, name: string) => {
      return held.get(keyOf(kind, name)) as Definition<Kind> | undefined;
    },
    all,
    everything: sorted,
    add: (definition) => {
      const { kind, name } = definition;
      const cannot = `Cannot create ${kind} "${name}"`;
      if (held.has(keyOf(kind, name))) {
        throw new WsctlError("CONFLICT", `${cannot}: it already exists. Delete it first`);
      }
      if (Buffer.byteLength(JSON.stringify(definition)) > definitionBytesMax) {
        throw new WsctlError(
          "TOO_LARGE",
          `${cannot}: it is over ${definitionBytesMax} bytes as JSON`,
        );
      }
      if (all(kind).length >= definitionsMax) {
        throw new WsctlError("BUSY", `${cannot}: there are ${definitionsMax} already. Delete some`);
      }
      record({ type: "definition_stored", definition });
      held.set(keyOf(kind, name), definition);
    },
    replace: (definition) => {
      record({ type: "definition_stored", definition });
      held.set(keyOf(definition.kind, definition.name), definition);
    },
    remove: (kind, name) => {
      if (!held.has(keyOf(kind, name))) return false;
      record({ type: "definition_removed", kind, name });
      return held.delete(keyOf(kind, name));
    },
  };
}

/** Writes definitions into the index. */
export function definitionWriter(db: Database) {
  const store = db.prepare<[string, string, string]>(
    `INSERT INTO definitions (kind, name, record) VALUES (?, ?, ?)
       ON CONFLICT (kind, name) DO UPDATE SET record = excluded.record`,
  );
  const remove = db.prepare<[string, string]>(
    "DELETE FROM definitions WHERE kind = ? AND name = ?",
  );
  return {
    store: (definition: Definition) => {
      store.run(definition.kind, definition.name, JSON.stringify(definition));
    },
    remove: (kind: string, name: string) => void remove.run(kind, name),
  };
}
