/** A schema with every kind of rule, and parameters that break each of them. */

/** As a manifest has it. */
export const schemaToml = `
[parameters]
required = ["name"]

[parameters.properties.name]
type = "string"
minLength = 2
maxLength = 8
pattern = "^[a-z]+$"

[parameters.properties.count]
type = "integer"
minimum = 1
maximum = 10
default = 3

[parameters.properties.ratio]
type = "number"
exclusiveMinimum = 0
exclusiveMaximum = 1
multipleOf = 0.25

[parameters.properties.force]
type = "boolean"

[parameters.properties.nothing]
type = "null"

[parameters.properties.mode]
enum = ["fast", "slow", 3]

[parameters.properties.fixed]
const = "only"

[parameters.properties.either]
type = ["string", "integer"]

[parameters.properties.list]
type = "array"
minItems = 1
maxItems = 3
items = { type = "string", minLength = 1 }

[parameters.properties.numbers]
type = "array"
items = { type = "integer", minimum = 0 }

[parameters.properties.matrix]
type = "array"
items = { type = "array", items = { type = "number" } }

[parameters.properties.open]
type = "object"
maxProperties = 2

[parameters.properties.place]
type = "object"
required = ["host"]
additionalProperties = false
[parameters.properties.place.properties.host]
type = "string"
pattern = "^[a-z0-9.]+$"
[parameters.properties.place.properties.port]
type = "integer"
minimum = 1
maximum = 65535
[parameters.properties.place.properties.labels]
type = "object"
minProperties = 1
[parameters.properties.place.properties.deep]
type = "object"
additionalProperties = false
properties = { on = { type = "boolean" } }
`;

const bare: [broken: object, path: string][] = [
  [{ name: undefined }, "name"],
  [{ name: 7 }, "name"],
  [{ name: null }, "name"],
  [{ name: ["ab"] }, "name"],
  [{ name: "a" }, "name"],
  [{ name: "" }, "name"],
  [{ name: "abcdefghi" }, "name"],
  [{ name: "AB" }, "name"],
  [{ name: "ab\n" }, "name"],
  [{ name: "a b" }, "name"],
  [{ name: "$(id)" }, "name"],
  [{ count: "3" }, "count"],
  [{ count: 1.5 }, "count"],
  [{ count: 0 }, "count"],
  [{ count: 11 }, "count"],
  [{ count: -1 }, "count"],
  [{ count: null }, "count"],
  [{ count: true }, "count"],
  [{ ratio: 0 }, "ratio"],
  [{ ratio: 1 }, "ratio"],
  [{ ratio: 0.3 }, "ratio"],
  [{ ratio: "0.5" }, "ratio"],
  [{ force: "true" }, "force"],
  [{ force: 1 }, "force"],
  [{ force: null }, "force"],
  [{ nothing: 0 }, "nothing"],
  [{ nothing: "" }, "nothing"],
  [{ mode: "medium" }, "mode"],
  [{ mode: "3" }, "mode"],
  [{ mode: null }, "mode"],
  [{ fixed: "other" }, "fixed"],
  [{ fixed: ["only"] }, "fixed"],
  [{ either: 1.5 }, "either"],
  [{ either: true }, "either"],
  [{ list: "a" }, "list"],
  [{ list: { 0: "a" } }, "list"],
  [{ list: [] }, "list"],
  [{ list: ["a", "b", "c", "d"] }, "list"],
  [{ list: ["a", 2] }, "list.1"],
  [{ list: ["a", ""] }, "list.1"],
  [{ numbers: [0, 1, -1] }, "numbers.2"],
  [{ numbers: [0, 1.5] }, "numbers.1"],
  [{ matrix: [1] }, "matrix.0"],
  [{ matrix: [[1], [2, "3"]] }, "matrix.1.1"],
  [{ open: [] }, "open"],
  [{ open: { a: 1, b: 2, c: 3 } }, "open"],
  [{ place: "here" }, "place"],
  [{ place: {} }, "place.host"],
  [{ place: { host: "UPPER" } }, "place.host"],
  [{ place: { host: "a", port: 0 } }, "place.port"],
  [{ place: { host: "a", port: 65_536 } }, "place.port"],
  [{ place: { host: "a", port: "80" } }, "place.port"],
  [{ place: { host: "a", user: "x" } }, "place.user"],
  [{ place: { host: "a", labels: {} } }, "place.labels"],
  [{ place: { host: "a", deep: { on: 1 } } }, "place.deep.on"],
  [{ place: { host: "a", deep: { off: true } } }, "place.deep.off"],
  [{ unknown: 1 }, "unknown"],
  [{ NAME: "ab" }, "NAME"],
  [{ __proto__x: 1 }, "__proto__x"],
  [{ "": 1 }, ""],
];

/** Each breaks one rule; the path is that of the field. */
export const bad = bare.map(([broken, path]): [parameters: object, path: string] => [
  { name: "ab", ...broken },
  path,
]);

/** Text that a shell, an argument parser or an encoding might take for something else. */
export const texts = [
  "plain",
  "with  two spaces ",
  "single ' and double \" quotes",
  "two\nlines\n",
  "tab\tand\rreturn",
  "$(touch /tmp/never) `id` $" + "{HOME} $HOME",
  "; rm -rf / && true | cat > x < y &",
  "-rf",
  "--help",
  "--",
  "-",
  "",
  " ",
  "*",
  "~",
  "a=b",
  "back\\slash\\n",
  "%s %d {text} {other} {}",
  "Grüße, Ελλάδα, 日本語, العربية, 😀👩‍👩‍👧",
  "\u202eright to left\u200b",
  "\u0001\u001b[2J\u007f",
  "e\u0301 is not \u00e9",
  "x".repeat(3_000),
];
