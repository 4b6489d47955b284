/**
 * JSON as the fuzzer holds it: what `JSON.stringify` would never write (a key twice, `1e999`, half
 * of a surrogate pair, odd escapes) can be put anywhere, as scalars and keys are raw text.
 */
export type Tree = string | Branch | List;

export interface Branch {
  /** Keys with their quotes, and possibly the same key more than once. */
  entries: [string, Tree][];
}

export interface List {
  items: Tree[];
}

export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return { items: value.map(treeOf) };
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return { entries: Object.entries(value).map(([key, one]) => [JSON.stringify(key), treeOf(one)]) };
}

export function write(tree: Tree): string {
  if (typeof tree === "string") return tree;
  if ("items" in tree) return `[${tree.items.map(write).join(",")}]`;
  return `{${tree.entries.map(([key, one]) => `${key}:${write(one)}`).join(",")}}`;
}

/** A place in a tree that holds a value, and can be given another one. */
export interface Place {
  parent: Branch | List;
  index: number;
}

export function places(parent: Branch | List, found: Place[] = []): Place[] {
  const children = "items" in parent ? parent.items : parent.entries.map(([, one]) => one);
  children.forEach((child, index) => {
    found.push({ parent, index });
    if (typeof child !== "string") places(child, found);
  });
  return found;
}

export function valueAt({ parent, index }: Place): Tree {
  return ("items" in parent ? parent.items[index] : parent.entries[index]?.[1]) ?? "null";
}

export function setAt({ parent, index }: Place, value: Tree): void {
  if ("items" in parent) parent.items[index] = value;
  else parent.entries[index] = [parent.entries[index]?.[0] ?? '""', value];
}
