/** Greater than every character of an id. */
const afterAll = "~";

/** Returns the first id that a prefix can begin, and a text behind the last one. */
export function prefixRange(prefix: string): [first: string, end: string] {
  return [prefix, `${prefix}${afterAll}`];
}
