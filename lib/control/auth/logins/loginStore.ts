/**
 * Keeps the console sessions of tokens over a restart, in one file of the data directory. It holds
 * hashes of the sessions' secrets, which are no cookies. Sessions of people are not
 * kept: the provider and the grants of the next start decide about them again.
 */
import { readFileSync, rmSync } from "node:fs";
import * as v from "valibot";
import { writeFileAtomically } from "../../../files/atomicWrite.ts";
import type { Log } from "../../../log/log.ts";
import { errorText } from "../../../protocol/errors.ts";
import { loginsMax } from "./loginLimits.ts";

const StoredLogin = v.strictObject({
  /** The SHA-256 of the session's secret, in hexadecimal. */
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  token_id: v.string(),
  mark: v.string(),
  begun_at: v.number(),
  used_at: v.number(),
  confirmed_at: v.number(),
  /** Whether a login string was spent for the token. */
  one_time: v.exactOptional(v.boolean()),
});
export type StoredLogin = v.InferOutput<typeof StoredLogin>;

const StoredLogins = v.pipe(v.array(StoredLogin), v.maxLength(loginsMax));

export class LoginStore {
  readonly #path: string;
  readonly #log: Log;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Returns nothing if the file is missing or damaged: everyone then logs in again. */
  load(): StoredLogin[] {
    try {
      return v.parse(StoredLogins, JSON.parse(readFileSync(this.#path, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      const text = `Cannot read the console sessions "${this.#path}"; everyone logs in again`;
      this.#log.warn(text, { reason: errorText(error) });
      return [];
    }
  }

  save(logins: readonly StoredLogin[]): void {
    try {
      writeFileAtomically(this.#path, `${JSON.stringify(logins)}\n`);
    } catch (error) {
      this.#log.warn(`Cannot keep console sessions over a restart: ${errorText(error)}`);
      // A session that was ended must not come back with an older file.
      rmSync(this.#path, { force: true });
    }
  }
}
