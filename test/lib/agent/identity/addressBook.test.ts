import { expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AddressBook } from "../../../../lib/agent/identity/addressBook.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const log = { error() {}, warn() {}, info() {}, debug() {} };
const given = { url: "https://old.example", agentUrl: "wss://old.example/agent" };

/** The addresses after the first one fails, in turn. */
function turns(book: AddressBook, count: number): string[] {
  return Array.from({ length: count }, () => {
    book.failed();
    return book.current.url;
  });
}

test("AddressBook: an address that could not be written is written by the next try", () => {
  using dir = temporaryDir();
  const path = join(`${dir}`, "addresses.json");
  const book = new AddressBook(path, given, log);
  // Nothing can be written where the new file should be.
  mkdirSync(join(`${path}.new`, "full"), { recursive: true });
  expect(() => book.storeMove("https://new.example")).toThrow();
  expect(turns(book, 2)).toEqual([given.url, given.url]);
  rmSync(`${path}.new`, { recursive: true });
  book.storeMove("https://new.example");
  expect(turns(new AddressBook(path, given, log), 2)).toEqual(["https://new.example", given.url]);
});

test("AddressBook: the address of a move stays when the node of that address leaves the cluster", () => {
  using dir = temporaryDir();
  const path = join(`${dir}`, "addresses.json");
  const book = new AddressBook(path, given, log);
  book.storeNodes(["https://old.example", "https://two.example"]);
  book.storeMove("https://two.example");
  book.storeNodes(["https://old.example"]);
  expect(turns(new AddressBook(path, given, log), 1)).toEqual(["https://two.example"]);
});

test("AddressBook: a start tries the address of the last connection first", () => {
  using dir = temporaryDir();
  const path = join(`${dir}`, "addresses.json");
  const book = new AddressBook(path, given, log);
  book.storeNodes(["https://two.example", "https://three.example"]);
  const [, last = ""] = turns(book, 2);
  book.connected();
  const again = new AddressBook(path, given, log);
  expect(again.current.url).toBe(last);
  again.failed();
  again.connected();
  expect(new AddressBook(path, given, log).current.url).toBe(given.url);
});

test("AddressBook: agents go on to nodes in different orders, and each keeps its own", () => {
  using dir = temporaryDir();
  const nodes = Array.from({ length: 8 }, (_, index) => `https://node-${index}.example`);
  const orders = Array.from({ length: 20 }, (_, index) => {
    const path = join(`${dir}`, `${index}.json`);
    const book = new AddressBook(path, given, log);
    book.storeNodes(nodes);
    const order = turns(book, nodes.length);
    expect(order.toSorted()).toEqual(nodes);
    const again = new AddressBook(path, given, log);
    again.storeNodes([...nodes, "https://new.example"].toReversed());
    expect(turns(again, nodes.length + 1)).toEqual([...order, "https://new.example"]);
    return order.join();
  });
  expect(new Set(orders.map((order) => order.split(",")[0])).size).toBeGreaterThan(1);
});

test("AddressBook: an address that is less protected is refused", () => {
  using dir = temporaryDir();
  const book = new AddressBook(join(`${dir}`, "addresses.json"), given, log);
  expect(() => book.storeMove("http://new.example")).toThrow("this agent uses https: only");
});
