/**
 * The addresses at which an agent reaches its control plane: the one that it was given, the nodes
 * of a cluster, and the address of a move. It stays with the one that works, and goes on to the
 * next one when a connection cannot be opened.
 */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { writeFileAtomically } from "../../files/atomicWrite.ts";
import type { Log } from "../../log/log.ts";
import { shuffled } from "../../network/shuffled.ts";
import { type ServerAddress, toServerAddress } from "../../protocol/api/serverAddress.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";

const Stored = v.object({
  /** The address that the agent was given; with another one the others are not used. */
  given: v.string(),
  /** The nodes of a cluster, in an order of this agent: agents spread over those that are left. */
  addresses: v.array(v.string()),
  /** The address that the control plane moves to. */
  moved: v.optional(v.string()),
  /** The address of the last connection, which a start tries first. */
  last: v.optional(v.string()),
});
type Others = Omit<v.InferOutput<typeof Stored>, "given">;

export class AddressBook {
  readonly #path: string;
  readonly #given: ServerAddress;
  readonly #log: Log;
  #others: Others;
  /** 0 is the given address, and the others follow. */
  #at = 0;

  /** @param path the file of the addresses that the agent was told */
  constructor(path: string, given: ServerAddress, log: Log) {
    this.#path = path;
    this.#given = given;
    this.#log = log;
    this.#others = this.#read();
    this.#at = this.#list().indexOf(this.#others.last ?? "") + 1;
  }

  get current(): ServerAddress {
    const other = this.#list()[this.#at - 1];
    return other === undefined ? this.#given : toServerAddress(other);
  }

  /** Goes on to the next address, because a connection to this one could not be opened. */
  failed(): void {
    const { length } = this.#list();
    if (length === 0) return;
    this.#at = (this.#at + 1) % (length + 1);
    this.#log.info("trying another address", { server: this.current.url });
  }

  /** Stores that a connection to this address was opened. */
  connected(): void {
    const { url } = this.current;
    this.#tryChange(
      url === this.#given.url ? without(this.#others) : { ...this.#others, last: url },
    );
  }

  /** Stores the nodes of a cluster, of which none may be less protected than the given address. */
  storeNodes(addresses: readonly string[]): void {
    const nodes = addresses.filter((each) => URL.canParse(each) && this.#isProtected(each));
    const known = this.#others.addresses.filter((each) => nodes.includes(each));
    const added = shuffled(nodes.filter((each) => !known.includes(each)));
    if (this.#tryChange({ ...this.#others, addresses: [...known, ...added] })) this.#tellStored();
  }

  /** Returns whether something new was stored. What was not is stored with a later connection. */
  #tryChange(others: Others): boolean {
    try {
      return this.#change(others);
    } catch (error) {
      const reason = errorText(error);
      this.#log.warn("other addresses of the control plane not stored", { reason });
      return false;
    }
  }

  /**
   * Stores the address of a move.
   * @throws {WsctlError} FORBIDDEN if it is less protected than the given one
   * @throws the error of the operating system if it cannot be stored
   */
  storeMove(server: string): void {
    if (!this.#isProtected(server)) {
      const text = `Cannot use "${server}": this agent uses ${new URL(this.#given.url).protocol} only`;
      throw new WsctlError("FORBIDDEN", text);
    }
    if (this.#change({ ...this.#others, moved: new URL(server).origin })) this.#tellStored();
  }

  #tellStored(): void {
    this.#log.info("other addresses of the control plane stored", { count: this.#list().length });
  }

  #isProtected(url: string): boolean {
    return url.startsWith(`${new URL(this.#given.url).protocol}//`);
  }

  /** The other addresses, each once. */
  #list({ addresses, moved }: Others = this.#others): string[] {
    const all = new Set([...addresses, ...(moved === undefined ? [] : [moved])]);
    all.delete(this.#given.url);
    return [...all];
  }

  /** What could not be written is not used either, so that the next try writes it. */
  #change(others: Others): boolean {
    const { url } = this.current;
    const text = JSON.stringify({ given: this.#given.url, ...others }, null, 2);
    if (text === JSON.stringify({ given: this.#given.url, ...this.#others }, null, 2)) {
      return false;
    }
    writeFileAtomically(this.#path, `${text}\n`);
    this.#others = others;
    this.#at = this.#list().indexOf(url) + 1;
    return true;
  }

  #read(): Others {
    const none = { addresses: [] };
    try {
      const { given, ...others } = v.parse(Stored, JSON.parse(readFileSync(this.#path, "utf8")));
      return given === this.#given.url ? others : none;
    } catch {
      // Without the file the agent is told the nodes again.
      return none;
    }
  }
}

function without({ last: _, ...others }: Others): Others {
  return others;
}
