/**
 * The addresses at which an agent reaches its control plane: the one that it was given, and the
 * nodes of a cluster that it was told. It stays with the one that works, and goes on to the next
 * one when a connection cannot be opened.
 */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { writeFileAtomically } from "../../files/atomicWrite.ts";
import type { Log } from "../../log/log.ts";
import { type ServerAddress, toServerAddress } from "../../protocol/api/serverAddress.ts";
import { errorText } from "../../protocol/errors.ts";

const Stored = v.object({
  /** The address that the agent was given; with another one the list is not used. */
  given: v.string(),
  addresses: v.array(v.string()),
});

export class AddressBook {
  readonly #path: string;
  readonly #given: ServerAddress;
  readonly #log: Log;
  #others: string[];
  /** 0 is the given address, and the others follow. */
  #at = 0;

  /** @param path the file of the addresses that the agent was told */
  constructor(path: string, given: ServerAddress, log: Log) {
    this.#path = path;
    this.#given = given;
    this.#log = log;
    this.#others = this.#read();
  }

  get current(): ServerAddress {
    const other = this.#others[this.#at - 1];
    return other === undefined ? this.#given : toServerAddress(other);
  }

  /** Goes on to the next address, because a connection to this one could not be opened. */
  failed(): void {
    if (this.#others.length === 0) return;
    this.#at = (this.#at + 1) % (this.#others.length + 1);
    this.#log.info("trying another address", { server: this.current.url });
  }

  /** Stores the nodes of a cluster, or the address of a move, of which none may be less protected than the given address. */
  store(addresses: readonly string[]): void {
    const { url } = this.current;
    const scheme = new URL(this.#given.url).protocol;
    const others = addresses.filter(
      (each) => each !== this.#given.url && URL.canParse(each) && each.startsWith(`${scheme}//`),
    );
    if (others.join() === this.#others.join()) return;
    this.#others = others;
    this.#at = others.indexOf(url) + 1;
    const text = JSON.stringify({ given: this.#given.url, addresses: others }, null, 2);
    try {
      writeFileAtomically(this.#path, `${text}\n`);
      this.#log.info("other addresses of the control plane stored", { count: others.length });
    } catch (error) {
      // They are used until this process ends, and told again with the next connection.
      this.#log.warn("other addresses of the control plane not stored", {
        reason: errorText(error),
      });
    }
  }

  #read(): string[] {
    try {
      const { given, addresses } = v.parse(Stored, JSON.parse(readFileSync(this.#path, "utf8")));
      return given === this.#given.url ? addresses : [];
    } catch {
      // Without the file the agent is told the addresses again.
      return [];
    }
  }
}
