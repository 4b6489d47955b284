import { expect, test } from "bun:test";
import { v7 as newId } from "uuid";
import {
  afterEveryId,
  type PackedId,
  packedRanges,
  packId,
  packOptional,
  unpackId,
} from "../../../../../lib/control/journal/index/packId.ts";

const uuid = "01a23057-747e-71e2-b24a-d4339f4710aa";

/** The order of SQLite: texts before blobs. */
function compare(a: PackedId, b: PackedId): number {
  if (typeof a === "string") return typeof b === "string" ? (a < b ? -1 : Number(a > b)) : -1;
  return typeof b === "string" ? 1 : Buffer.compare(a, b);
}

test("a UUID is packed into 16 bytes, and comes back", () => {
  const packed = packId(uuid);
  expect(Buffer.from(packed as Uint8Array).toString("hex")).toBe(uuid.replaceAll("-", ""));
  for (const id of [uuid, newId(), crypto.randomUUID(), "00000000-0000-0000-0000-000000000000"]) {
    expect(packId(id)).toHaveLength(16);
    expect(unpackId(packId(id))).toBe(id);
  }
});

test("every other id stays the text that it is", () => {
  const others = ["", "j1", "id-000008", uuid.toUpperCase(), `${uuid}0`, uuid.slice(1)];
  const close = [uuid.replace("7-7", "7+7"), uuid.replace("aa", "ag"), uuid.replaceAll("-", "0")];
  for (const id of [...others, ...close]) {
    expect(packId(id)).toBe(id);
    expect(unpackId(packId(id))).toBe(id);
  }
});

test("UUIDs keep their order, and nothing is after the end", () => {
  const ids = Array.from({ length: 200 }, () => crypto.randomUUID() as string).sort();
  expect(ids.map(packId).sort(compare).map(unpackId)).toEqual(ids);
  const last = "ffffffff-ffff-ffff-ffff-ffffffffffff";
  for (const id of [...ids, last, "~"]) expect(compare(packId(id), afterEveryId)).toBe(-1);
});

test("an absent id is null", () => {
  expect(packOptional(undefined)).toBeNull();
  expect(packOptional("j1")).toBe("j1");
});

test("the ranges of a prefix have the ids that begin with it, and no others", () => {
  const ids = [uuid, "01a2", "j1", "j12", "f", ...Array.from({ length: 300 }, () => newId())];
  ids.push(...Array.from({ length: 300 }, () => crypto.randomUUID()));
  const starts = Array.from({ length: 37 }, (_, length) => uuid.slice(0, length));
  for (const prefix of [...starts, "j", "j1", "f", "F", "01a2x", "01a23057x", `${uuid}0`]) {
    const ranges = packedRanges(prefix);
    const found = ids.filter((id) =>
      ranges.some(([first, end]) => {
        const packed = packId(id);
        return compare(packed, first) >= 0 && compare(packed, end) < 0;
      }),
    );
    expect(found).toEqual(ids.filter((id) => id.startsWith(prefix)));
  }
});
