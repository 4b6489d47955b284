/** An agent's executor in the hands of a test: its journal keeps what it is given. */

import { Executor } from "../../../lib/agent/core/executor.ts";
import type { ProcessInfo, RequestRecord } from "../../../lib/agent/core/model.ts";
import { AgentTransition } from "../../../lib/agent/core/transition.ts";
import type { CommandTrust } from "../../../lib/agent/identity/commandTrust.ts";
import { acceptedMax, runningMax } from "../../../lib/protocol/limits.ts";
import type { Command } from "../../../lib/protocol/wire/message.ts";

export const epoch = Date.parse("2026-01-01T00:00:00Z");

export class InHand {
  now = epoch;
  readonly journal = new Map<string, RequestRecord>();
  /** Without one, every command is trusted. */
  trust: CommandTrust | undefined;
  /** What is written does not reach the disk. */
  isDiskFull = false;
  executor = this.#fresh();

  #fresh(self: ProcessInfo = { pid: 7, version: "1.2.3" }): Executor {
    return new Executor({
      check: (name) =>
        name === "nope"
          ? { code: "INVALID_COMMAND", message: "no such command" }
          : {
              endsProcess: name === "restart",
              ...(name === "program" ? { outlives: true } : {}),
              ...(name === "single" ? { concurrency: 1 } : {}),
              ...(name === "brief" ? { timeoutMs: 2_000 } : {}),
            },
      limits: { running: runningMax, waiting: acceptedMax, timeoutMs: 86_400_000 },
      self,
      judge: (command, now) => this.trust?.check(command, now) ?? { signedBy: [] },
    });
  }

  /** Runs one step; its writes are on disk, unless the journal fails. */
  step(run: (t: AgentTransition) => void): AgentTransition {
    const t = new AgentTransition(this.now);
    run(t);
    if (this.isDiskFull) return t;
    for (const write of t.writes) {
      if (write.type === "putRequest") this.journal.set(write.record.requestId, write.record);
      if (write.type === "markAcknowledged") {
        const record = this.journal.get(write.requestId);
        if (record) this.journal.set(write.requestId, { ...record, state: "acknowledged" });
      }
    }
    return t;
  }

  link(isExtended = true, link = 1): AgentTransition {
    return this.step((t) => this.executor.outbox.linked({ link, isExtended }, t));
  }

  command(
    requestId: string,
    name = "work",
    expiresAt?: number,
    notAfter?: string,
  ): AgentTransition {
    const command: Command = {
      type: "command",
      request_id: requestId,
      timestamp: "2025-02-24T12:34:56Z",
      payload: {
        ...{ command: name, timeout_seconds: 10 },
        ...(notAfter === undefined ? {} : { not_after: notAfter }),
      },
    };
    return this.receive(command, expiresAt);
  }

  receive(command: Command, expiresAt?: number): AgentTransition {
    const known = this.journal.get(command.request_id);
    return this.step((t) => this.executor.command(command, known, expiresAt, t));
  }

  finish(requestId: string, message = "done"): AgentTransition {
    const result = { status: "success", message } as const;
    return this.step((t) => this.executor.finished(requestId, result, t));
  }

  cancel(requestId: string): AgentTransition {
    return this.step((t) => this.executor.cancel(requestId, t));
  }

  pass(ms: number): AgentTransition {
    this.now += ms;
    return this.step((t) => this.executor.tick(t));
  }

  /**
   * The process dies, and another one starts from the same journal.
   * @param isLatest what the control plane says of the journal
   */
  restart(self?: ProcessInfo, isLatest = true): AgentTransition {
    return this.step((t) => {
      this.begin(self, t);
      this.executor.resumeQueue(isLatest, t);
    });
  }

  /** Another process starts, and is not connected yet. */
  begin(self: ProcessInfo | undefined, t: AgentTransition): void {
    this.executor = this.#fresh(self);
    const open = [...this.journal.values()].filter(({ state }) => state !== "acknowledged");
    const runs = [...this.journal.values()].flatMap(({ run }) => run ?? []);
    const latest = runs.sort((a, b) => a.runs - b.runs);
    this.executor.recover(open, latest, t);
  }
}

export const kinds = (t: AgentTransition) => t.effects.map((effect) => effect.type);
export const answers = (t: AgentTransition) =>
  t.effects.flatMap((effect) => {
    if (effect.type !== "send") return [];
    const { message } = effect;
    if (message.type === "response") return [message.payload.message];
    return message.type === "error" ? [message.payload.code] : [];
  });
