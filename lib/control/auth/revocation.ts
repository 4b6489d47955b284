/**
 * Ends everything that depends on a token when the token is revoked or expires: the connections
 * that it opened, the streams that it reads, and its queued requests.
 */
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { type Clock, wallPollMs } from "../../time/clock.ts";
import { bufferedInMemory } from "../core/rejections.ts";
import type { Engine } from "../engine/engine.ts";
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";
import { isInForce } from "./bearerTokens.ts";

const expiredReason =
  "The token that created the job is no longer valid; the request never started";
const blockedReason = "The agent was revoked; the request never started";

const writeRetryMs = 1_000;

export class Revocations {
  readonly #tokens: TokenTable;
  readonly #engine: Engine;
  readonly #clock: Clock;
  #checkedAt: number;
  readonly #log: Log;
  readonly #guard: FaultGuard;
  #cancelTimer = () => {};
  #cancelWriting = () => {};

  constructor(engine: Engine, clock: Clock, log: Log) {
    this.#tokens = engine.journal.tokens;
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#guard = new FaultGuard(log);
    this.#checkedAt = clock.wall();
    this.#endExpired();
    this.arm();
  }

  /** Tokens may have expired while the control plane was down, with requests still queued. */
  #endExpired(): void {
    const now = this.#clock.wall();
    const waiting = this.#engine.core.dispatcher?.requests.waiting() ?? [];
    for (const tokenId of new Set(waiting.map(({ createdBy }) => createdBy))) {
      const token = this.#tokens.get(tokenId);
      if (token !== undefined && !isInForce(token, now)) this.#ended(token, expiredReason);
    }
    for (const agentId of new Set(waiting.map((request) => request.agentId))) {
      if (this.#tokens.findByAgent(agentId, now).length > 0) continue;
      this.#engine.notify({ type: "cancelMatching", agentId, reason: blockedReason });
    }
  }

  /**
   * Revokes a token. Returns false if there is no such token.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the revocation applies but is not saved yet; saving
   *   is retried
   */
  revoke(tokenId: string): boolean {
    const token = this.#tokens.get(tokenId);
    if (token === undefined) return false;
    this.#revokeTokens([token]);
    return true;
  }

  /**
   * Revokes all tokens and keys of an agent and returns how many there were.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE as `revoke` does
   */
  revokeAgent(agentId: string): number {
    const tokens = this.#tokens.findByAgent(agentId, this.#clock.wall());
    this.#revokeTokens(tokens);
    return tokens.length;
  }

  #revokeTokens(tokens: StoredToken[]): void {
    const faults = tokens.flatMap((token) => {
      try {
        this.#tokens.revoke(token.tokenId, this.#clock.wall());
        return [];
      } catch (error) {
        return [error];
      } finally {
        this.#ended(token, "The token that created the job was revoked; the request never started");
      }
    });
    if (faults.length === 0) return;
    this.#writeLater();
    throw bufferedInMemory(faults[0]);
  }

  #writeLater(): void {
    this.#cancelWriting();
    this.#cancelWriting = this.#clock.after(writeRetryMs, () => {
      try {
        this.#write();
      } catch {
        this.#writeLater();
      }
    });
  }

  #write(): void {
    const { audit } = this.#engine.journal;
    for (const [tokenId, at] of this.#tokens.unwritten) {
      const resource = { token_id: tokenId, since: timestamp(at) };
      audit.write({ action: "token.revoke", outcome: "written", resource });
      this.#tokens.revoke(tokenId, at);
      this.#log.info("delayed revocation saved", {
        token: tokenId,
      });
    }
  }

  /** Closes the connections that the old secret opened. Queued requests stay queued. */
  disconnect(tokenId: string): void {
    this.#engine.notify({ type: "tokenRevoked", tokenId });
    this.#engine.responseStreams.end(tokenId);
  }

  /** Fences a token that was used from two places: it is rejected until the agent joins again. */
  fence(token: StoredToken): void {
    const { tokenId: actor, agentId: agent } = token;
    const facts = { action: "agent.fence", outcome: "accepted", actor, resource: { agent } };
    this.#engine.journal.audit.write(facts);
    this.#tokens.setState(token.tokenId, "fenced");
    this.#engine.notify({ type: "tokenFenced", tokenId: token.tokenId });
  }

  /** Sets the timer for the next expiry; a new token may expire before all others. */
  arm(): void {
    this.#cancelTimer();
    const next = this.#tokens.nextExpiry(this.#checkedAt);
    if (next === undefined) return;
    const waitMs = Math.max(0, Math.min(next - this.#clock.wall(), wallPollMs));
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#lookOrRetry());
  }

  #lookOrRetry(): void {
    if (this.#guard.attempt("clean up after expired tokens", () => this.#check())) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(writeRetryMs, () => this.#lookOrRetry());
  }

  close(): void {
    this.#cancelTimer();
    this.#cancelWriting();
  }

  #check(): void {
    const now = this.#clock.wall();
    for (const token of this.#tokens.expiredBetween(this.#checkedAt, now)) {
      this.#ended(token, "The token that created the job has expired; the request never started");
    }
    this.#checkedAt = now;
    this.arm();
  }

  #ended(token: StoredToken, reason: string): void {
    const { tokenId, role, agentId } = token;
    this.disconnect(tokenId);
    if (role !== "agent")
      return this.#engine.notify({ type: "cancelMatching", createdBy: tokenId, reason });
    const isLast = this.#tokens.findByAgent(agentId ?? "", this.#clock.wall()).length === 0;
    if (agentId === undefined || !isLast) return;
    this.#engine.notify({ type: "cancelMatching", agentId, reason: blockedReason });
  }
}
