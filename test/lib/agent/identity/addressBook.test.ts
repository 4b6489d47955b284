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
  turns(book, 2);
  book.connected();
  const again = new AddressBook(path, given, log);
  expect(again.current.url).toBe("https://three.example");
  again.failed();
  again.connected();
  expect(new AddressBook(path, given, log).current.url).toBe(given.url);
});

test("AddressBook: an address that is less protected is refused", () => {
  using dir = temporaryDir();
  const book = new AddressBook(join(`${dir}`, "addresses.json"), given, log);
  expect(() => book.storeMove("http://new.example")).toThrow("this agent uses https: only");
});
