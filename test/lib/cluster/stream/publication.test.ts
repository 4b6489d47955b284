import { expect, test } from "bun:test";
import { Publication, publishMs } from "../../../../lib/cluster/stream/publication.ts";
import { encodeBatch, firstDigest, toHex } from "../../../../lib/store/log/format.ts";

const { bytes, digest } = encodeBatch(['{"type":"x"}'], 1, firstDigest);
const id = `${toHex(digest)}.1`;

/** A publication whose only part is on its way, at the moment 0. */
function started(): Publication {
  const request = { bytes, first: 1, previous: toHex(firstDigest), expected: 7 };
  const publication = new Publication(request, 1_000, 0);
  expect(publication.next(0)).toMatchObject({ do: "publish", part: { id, expected: 7 } });
  return publication;
}

test("Publication: a message that is stored where it belongs is stored", () => {
  const outcome = { status: "stored", position: 8 };
  expect(started().answered({ stored: 8 }, 1)).toMatchObject({ do: "end", outcome });
});

test("Publication: what a server says that it had before is read in the stream", () => {
  const publication = started();
  const read = { do: "read", position: 8 } as const;
  expect(publication.answered({ stored: 8, isDuplicate: true }, 1)).toEqual(read);
  // The stream has lost it, so it is published again.
  expect(publication.found(undefined, 2).do).toBe("wait");
  expect(publication.next(200)).toMatchObject({ do: "publish", part: { expected: 7 } });
  expect(publication.answered({ stored: 8, isDuplicate: true }, 201)).toEqual(read);
  const outcome = { status: "stored", position: 8 };
  expect(publication.found(id, 202)).toMatchObject({ do: "end", outcome });
});

test("Publication: a message elsewhere, or another one in its place, is no success", () => {
  const publication = started();
  expect(publication.answered({ stored: 5 }, 1)).toEqual({ do: "read", position: 8 });
  const refused = { status: "refused" };
  expect(publication.found("another.1", 2)).toMatchObject({ do: "end", outcome: refused });
});

test("Publication: a refusal whose cause cannot be read is tried again, until it is unknown", () => {
  const publication = started();
  expect(publication.answered({ refused: "wrong last sequence: 8" }, 1).do).toBe("read");
  expect(publication.found(undefined, 2).do).toBe("wait");
  const unknown = { status: "unknown", reason: "wrong last sequence: 8" };
  expect(publication.next(publishMs)).toMatchObject({ do: "end", outcome: unknown });
});
