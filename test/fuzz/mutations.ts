/** How a message that is right is made wrong, or odd: in its tree, then in its text. */
import type { Random } from "../sim/random.ts";
import { type List, type Place, places, setAt, type Tree, treeOf, valueAt, write } from "./tree.ts";
import { texts, timestamps } from "./valid.ts";

const oddScalars = [
  ...[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "0.5",
    "1.0",
    "1e0",
    "3601",
    "86401",
    "604801",
  ],
  ...["1e999", "-1e999", "1e-999", "9007199254740993", "9007199254740991", "1e308", "123456789e20"],
  ...["01", "+1", ".5", "0x10", "NaN", "Infinity", "undefined", "'x'", "1n", "1_000"],
  ...[
    '""',
    '" "',
    '"0"',
    '"null"',
    '"success"',
    '"unknown"',
    "[]",
    "{}",
    "[[]]",
    "[1,2]",
    '{"a":1}',
  ],
  ...['"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\ud800"', '"\\ude00\\ud83d"'],
  ...['"\\u0000"', '"\\u001b[2J"', '"\\u202e"', '"\\u2028"', '"\\ufeff"', '"\\u00a0"', '"\\u200d"'],
  ...['"\\x41"', '"\\"', '"\t"', '"\n"', '"\\u12"', '"\\/\\b\\f\\n\\r\\t"', '"\\u0061\\u0062"'],
];

const oddTimestamps = [
  ...["2024-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z"],
  ...[
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T23:60:00Z",
    "2026-00-01T00:00:00Z",
  ],
  ...["2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z", "2024", "1/1/2024"],
  ...["2026-01-01T00:00:00", "2026-01-01T00:00:00+02:00", "2026-01-01T00:00:00-00:00"],
  ...[
    "2026-01-01t00:00:00z",
    "2026-01-01 00:00:00Z",
    "+275760-09-13T00:00:00Z",
    "20260101T000000Z",
  ],
  ...["2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00,5Z"],
  ...["２026-01-01T00:00:00Z", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n", "1767225600"],
  ...["-001-01-01T00:00:00Z", "2026-01-01T00:00Z", "2026-W01-1T00:00:00Z", `2026${"0".repeat(60)}`],
];

const oddFigures = [
  ...["30", "-1%", "1e9%", "NaN%", "３０%", "30  %", "%", "1000000%", "9999999%", "1,5GB", "-1GB"],
  ...["1e3GB", "GB", "1.5gb", "1.GB", "1 B", "1.1234567GB", "9999999999GB", "1.5GiB", "1\tGB"],
];

const oddKeys = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "toJSON"],
  ...["", "type", "Type", "request_id", "requestId", "timestamp", "payload", "status", "command"],
  ...["parameters", "expires_at", "result", "message", "code", "target", "agents", "all", "role"],
  ...["ttl", "0", "\u0000", "\ud800", "x\udc00", "\u202e", "payload ", "k".repeat(90), "日本"],
];

const types = [
  ...["command", "response", "status_update", "heartbeat", "error", "hello", "welcome", "ack"],
  ...["goaway", "Heartbeat", "", "ping", "__proto__", "constructor", "heartbeat "],
];

/** Around every limit of a length, and around the size of a whole message. */
const lengths = [63, 64, 65, 127, 128, 129, 253, 254, 1_023, 16_384, 16_385];
const hugeLengths = [32_000, 49_153, 65_300, 65_400, 65_530, 66_000, 22_000];

function longText(random: Random): string {
  const length = random.chance(0.04) ? random.pick(hugeLengths) : random.pick(lengths);
  return JSON.stringify(random.pick(["a", "é", "€", "😀", '"', "a ", "\u0000"]).repeat(length));
}

/** The same text with some of its characters written as escapes. */
function escaped(random: Random, text: string): string {
  return [...JSON.parse(text)]
    .map((char: string) => {
      const code = char.length === 1 && random.chance(0.5) ? char.charCodeAt(0) : undefined;
      if (code === undefined) return JSON.stringify(char).slice(1, -1);
      return `\\u${code.toString(16).padStart(4, "0")}`;
    })
    .join("");
}

type TreeMutation = (random: Random, place: Place, other: () => Tree) => void;

const inBranch =
  (mutate: (random: Random, entries: [string, Tree][], index: number) => void): TreeMutation =>
  (random, { parent, index }) => {
    if ("entries" in parent) mutate(random, parent.entries, index);
    else parent.items.push(parent.items[index] ?? "0");
  };

const someKey = (random: Random) => JSON.stringify(random.pick(oddKeys));

const treeMutations: readonly TreeMutation[] = [
  // A key is dropped, appears again with the same or another value, has another name, is added.
  inBranch((_, entries, index) => void entries.splice(index, 1)),
  inBranch((random, entries, index) => {
    const [key, value] = entries[index] ?? ['""', "0"];
    const twin: Tree = random.chance(0.5) ? value : random.pick(oddScalars);
    entries.splice(random.int(0, entries.length), 0, [key, twin]);
  }),
  inBranch((random, entries, index) => {
    entries[index] = [someKey(random), entries[index]?.[1] ?? "0"];
  }),
  inBranch((random, entries) => {
    const value = random.chance(0.5) ? random.pick(oddScalars) : '{"status":"success","x":{}}';
    entries.splice(random.int(0, entries.length), 0, [someKey(random), value]);
  }),
  inBranch((random, entries, index) => {
    const [key, value] = entries[index] ?? ['""', "0"];
    if (key.startsWith('"')) entries[index] = [`"${escaped(random, key)}"`, value];
  }),
  // Another value, mostly of another type.
  (random, place) => setAt(place, random.pick(oddScalars)),
  (random, place) => setAt(place, random.pick(oddScalars)),
  (random, place) => setAt(place, JSON.stringify(random.pick(texts))),
  (random, place) => setAt(place, longText(random)),
  (random, place) => setAt(place, JSON.stringify(random.pick(types))),
  (random, place) => setAt(place, JSON.stringify(random.pick(oddFigures))),
  (random, place) => setAt(place, JSON.stringify(random.pick(timestamps))),
  (random, place) => setAt(place, JSON.stringify(random.pick(oddTimestamps))),
  // A level more, a few, or about as many as may be.
  (random, place) => {
    const levels = random.pick([1, 2, 27, 28, 29, 30, 31, 32, 33, 40, random.int(1, 3_000)]);
    const inner = write(valueAt(place));
    const isList = random.chance(0.5);
    const open = isList ? "[" : '{"a":';
    setAt(place, `${open.repeat(levels)}${inner}${(isList ? "]" : "}").repeat(levels)}`);
  },
  // An array for an object, and an object for an array.
  (_, place) => {
    const value = valueAt(place);
    if (typeof value === "string") return setAt(place, { items: [value] });
    if ("items" in value) {
      return setAt(place, {
        entries: value.items.map((one, index) => [JSON.stringify(String(index)), one]),
      });
    }
    return setAt(place, { items: value.entries.map(([, one]) => one) });
  },
  // What belongs to another message.
  (random, place, other) => {
    const stranger = other();
    const inside = typeof stranger === "string" ? [] : places(stranger as List);
    setAt(place, inside.length === 0 ? stranger : valueAt(random.pick(inside)));
  },
  // Odd text inside the text that is there.
  (random, place) => {
    const value = valueAt(place);
    if (typeof value !== "string" || !value.startsWith('"') || value.length < 2) return;
    const at = random.int(1, value.length - 1);
    const odd = random.pick([
      "\\ud800",
      "\ud83d",
      "\u202e",
      "\u0000",
      "\\u0000",
      "\u2028",
      "\ufeff",
    ]);
    setAt(place, value.slice(0, at) + odd + value.slice(at));
  },
];

type TextMutation = (random: Random, text: string, other: () => Tree) => string;

function insert(text: string, at: number, what: string): string {
  return text.slice(0, at) + what + text.slice(at);
}

const textMutations: readonly TextMutation[] = [
  (random, text) => text.slice(0, random.int(0, text.length)),
  (random, text) => text.slice(random.int(0, 5)),
  (random, text) => {
    const at = random.int(0, text.length);
    return text.slice(0, at) + text.slice(at + random.int(1, 3));
  },
  (random, text) => {
    const at = random.int(0, text.length);
    return insert(text, at, String.fromCharCode(random.int(0, random.pick([127, 255, 65_535]))));
  },
  (random, text) => insert(text, random.int(0, text.length), random.pick([..."{}[]\",:\\ \n\0'/"])),
  (_, text) => `\ufeff${text}`,
  (random, text) => random.pick([" ", "\n\t\r ", "\u00a0", "\u2028", "\f", "\0"]) + text,
  (random, text) => text + random.pick([" ", "\r\n", "\0", "\u00a0", ",", "}", "//", "/**/", ";"]),
  (random, text) => text.padEnd(random.pick([text.length + 40, 65_536, 65_537])),
  (_, text, other) => text + write(other()),
  (_, text, other) => `${text}\n${write(other())}`,
  (_, text, other) => `[${text},${write(other())}]`,
  (_, text) => text.replace("}", ",}"),
  (_, text) => text.replaceAll('"', "'"),
  (_, text) => text.replaceAll(/[:,]/g, (mark) => ` \n${mark}\t`),
  (_, text) => JSON.stringify(text),
  (random) =>
    random.pick(["", " ", "{", "nul", "[]", '"x"', "42", "null", "true", "{} {}", "-", "\0"]),
];

/** From an object that is right, a text that may be anything. */
export function mutated(
  random: Random,
  value: Record<string, unknown>,
  another: () => Record<string, unknown>,
): string {
  const other = () => treeOf(another());
  const root: List = { items: [treeOf(value)] };
  for (let left = random.pick([0, 0, 1, 1, 1, 1, 2, 2, 3, 5]); left > 0; left--) {
    const all = places(root);
    // Seldom the whole: what is no message at all is soon told.
    const from = all.length > 1 && random.chance(0.95) ? 1 : 0;
    const place = all[random.int(from, all.length - 1)];
    if (place !== undefined) random.pick(treeMutations)(random, place, other);
  }
  const text = write(root.items[0] ?? "");
  return random.chance(0.15) ? random.pick(textMutations)(random, text, other) : text;
}
