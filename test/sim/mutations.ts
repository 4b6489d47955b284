/**
 * Planted faults in the product's own code: each must be caught by the simulator. A simulator that
 * finds nothing proves nothing until it is seen to find these.
 */
export interface Mutation {
  name: string;
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  replace: string;
}

const executor = "lib/agent/core/executor.ts";
const outbox = "lib/agent/core/responseOutbox.ts";
const dispatcher = "lib/control/core/requests/dispatcher.ts";
const sending = "lib/control/core/requests/sender.ts";
const rollouts = "lib/control/core/requests/rollouts.ts";
const fleet = "lib/control/core/agents/agentRegistry.ts";
const link = "lib/agent/core/connection.ts";
const groupCommit = "lib/store/groupCommit.ts";

export const mutations: Mutation[] = [
  {
    name: "what runs already is withdrawn as if it had not begun",
    file: executor,
    find: 'entry?.record.state === "accepted") this.#end(entry, cancelled()',
    replace: "entry !== undefined) this.#end(entry, cancelled()",
  },
  {
    name: "what has ended is never forgotten by the dispatcher",
    file: "lib/control/core/requests/requestTable.ts",
    find: "this.#requests.delete(request.requestId);",
    replace: "",
  },
  {
    name: "what is settled is never forgotten by the executor",
    file: outbox,
    find: 'this.#entries.delete(requestId);\n    this.#deadlines.delete(requestId);\n    t.write({ type: "markAcknowledged"',
    replace: 't.write({ type: "markAcknowledged"',
  },
  {
    name: "a command runs before it is on record",
    file: executor,
    find: "t.write(put(entry));\n    const expiry =",
    replace: "const expiry =",
  },
  {
    name: "what a dead process had started is run again",
    file: executor,
    find: "if (fate !== undefined) this.#end(entry, fate.answer, t);",
    replace:
      'if (fate !== undefined && stored.state === "started") entry.record.state = "accepted";\n' +
      "      else if (fate !== undefined) this.#end(entry, fate.answer, t);",
  },
  {
    name: "settled requests are forgotten",
    file: "lib/agent/engine.ts",
    find: "const known = id === undefined ? undefined : this.#options.journal.find(id);",
    replace: "const known = id === '' ? this.#options.journal.find(id) : undefined;",
  },
  {
    name: "an agent takes commands past their expiry",
    file: "lib/agent/core/core.ts",
    find: "return expires_at === undefined ? undefined : Date",
    replace: "return expires_at !== '' ? undefined : Date",
  },
  {
    name: "an agent judges expiry by its own clock",
    file: "lib/agent/core/core.ts",
    find: "Date.parse(expires_at) - this.#link.clockOffsetMs",
    replace: "Date.parse(expires_at)",
  },
  {
    name: "a restart is answered although nothing was restarted",
    file: executor,
    find: '} else if (result.status === "restart") {',
    replace:
      '} else if (result.status === "restart" && entry.record.timeoutMs % 2000 === 0) {\n' +
      '      this.#end(entry, { type: "response", status: "success", message: "restarted" }, t);\n' +
      '    } else if (result.status === "restart") {',
  },
  {
    name: "effects leave before the writes they wait for",
    file: groupCommit,
    find: "for (const effect of effects) batch.effects.push(effect);",
    replace: "this.#options.release(effects, undefined);",
  },
  {
    name: "a commit that failed releases its effects",
    file: groupCommit,
    find: "this.#options.failed(all, error);",
    replace:
      "this.#options.failed(all, error);\n    this.#options.release(batch.effects, undefined);",
  },
  {
    name: "an answer is taken from whoever gives it",
    file: dispatcher,
    find: 'if (request.agentId !== peer.agentId) return "not yours";',
    replace: "",
  },
  {
    name: "a command is repeated to any memory",
    file: sending,
    find: "if (\n        peer.isExtended &&\n        request.journalId !== undefined &&\n        request.journalId === peer.journalId\n      ) {",
    replace: "if (peer.isExtended) {",
  },
  {
    name: "the sending of a command is not written",
    file: sending,
    find: 't.write({ type: "markSent", requestId, sentAt: t.now, journalId: peer.journalId });',
    replace: "",
  },
  {
    name: "a request that was sent is called expired",
    file: "lib/control/core/requests/outcome.ts",
    find: 'if (request.state === "queued") {',
    replace: 'if (request.state === "queued" || queue.peer === undefined) {',
  },
  {
    name: "what was sent is withdrawn",
    file: dispatcher,
    find: 'if (request.state === "queued") this.#end(request, cancelledOutcome, t);\n      else this.#sender',
    replace: "this.#end(request, cancelledOutcome, t);\n      this.#sender",
  },
  {
    name: "a waiting request has no deadline",
    file: dispatcher,
    find: "for (const request of requests) this.#deadlines.set(request, this.#queuedDeadline(request));",
    replace: "",
  },
  {
    name: "an ended request stays open",
    file: dispatcher,
    find: "const queue = this.#open.remove(request);",
    replace: "const queue = this.#open.queue(request.agentId);",
  },
  {
    name: "the epoch of a memory is not checked",
    file: fleet,
    find: "journalId === journal_id && latest === epoch && isSameProcess",
    replace: "journalId === journal_id && isSameProcess",
  },
  {
    name: "a revoked token's connections live on",
    file: fleet,
    find: "return [...this.#sessions.values()].filter((session) => session.tokenId === tokenId);",
    replace: 'return tokenId === "" ? [...this.#sessions.values()] : [];',
  },
  {
    name: "the control plane's timer is not armed again",
    file: "lib/time/alarm.ts",
    find: "this.#at = Number.POSITIVE_INFINITY;\n      this.#onDue(wasPaused);",
    replace: "this.#onDue(wasPaused);",
  },
  {
    name: "a control plane that stood still judges before it has read what arrived",
    file: "lib/time/alarm.ts",
    find: "if (late <= promptMs) return this.#defer(false);",
    replace: "return this.#defer(false);",
  },
  {
    name: "a dead control plane goes unnoticed",
    file: link,
    find: "if (t.now >= this.#silentAt()) {",
    replace: "if (t.now < 0) {",
  },
  {
    name: "an agent does not come back after it gave a connection up",
    file: link,
    find: "this.closed(1006, reason, random, t);",
    replace: 'this.#state = { name: "idle" };',
  },
  {
    name: "the memory is trusted after a commit that failed",
    file: "lib/control/core/core.ts",
    find: "    this.#dispatcher = undefined;\n",
    replace: "",
  },
  {
    name: "a repeated submission makes a second job",
    file: "lib/control/jobs/submitJob.ts",
    find: "if (earlier !== undefined) return engine",
    replace: "if (earlier !== undefined && key === undefined) return engine",
  },
  {
    name: "a clock that was set back puts ends off",
    file: "lib/control/core/requests/expiry.ts",
    find: "createdAt: Math.min(job.createdAt, now)",
    replace: "createdAt: job.createdAt",
  },
  {
    name: "an update is called done whatever runs in the end",
    file: "lib/agent/core/response.ts",
    find: "const isNew = version === to;",
    replace: "const isNew = to.length > 0 || version === to;",
  },
  {
    name: "a version on trial answers for itself",
    file: "lib/agent/core/crashRecovery.ts",
    find: "if (update !== undefined && self.isOnTrial) return undefined;",
    replace: "",
  },
  {
    name: "output is taken from whoever sends it",
    file: "lib/control/core/requests/outputSubscriptions.ts",
    find: "if (subscription === undefined || !isTheirs) return false;",
    replace: "if (subscription === undefined) return false;",
  },
  {
    name: "what a subscriber has received already counts for nothing",
    file: "lib/control/core/requests/outputSubscriptions.ts",
    find: "const isNew = payload.sequence > subscription.last && subscription.bytesLeft > 0;",
    replace: "const isNew = subscription.bytesLeft > 300;",
  },
  {
    name: "the frame of a chunk of output does not tell the gap before it",
    file: "lib/protocol/wire/outputFrame.ts",
    find: "writeCount(frame, chunk.skipped, at.skipped);",
    replace: "writeCount(frame, 0, at.skipped);",
  },
  {
    name: "a rollout lets everybody go at once",
    file: rollouts,
    find: "if (rollout.running >= (job.batch ?? Number.POSITIVE_INFINITY)) break;",
    replace: "",
  },
  {
    name: "a rollout goes on whatever fails",
    file: rollouts,
    find: "if (rollout.failures > (job.maxFailures ?? Number.POSITIVE_INFINITY)) {",
    replace: "if (rollout.failures > 100) {",
  },
  {
    name: "a restart in the middle of a rollout forgets what has failed",
    file: rollouts,
    find: "for (const each of all)\n      if (each.outcome !== undefined) countOutcome(rollout, each, each.outcome);",
    replace:
      "for (const each of all) if (each.outcome !== undefined) countOutcome(rollout, each, 'success');",
  },
  {
    name: "the canaries' failures count as any other's",
    file: rollouts,
    find: 'if (isCanary(job, turn) && outcome !== "success") {',
    replace: "if (batchIndex < 0) {",
  },
  {
    name: "a wave begins while the one before is under way",
    file: rollouts,
    find: "if (batchIndexOf(job, positions.get(requestId) ?? 0) > batchIndex) break;",
    replace: "",
  },
  {
    name: "nobody waits between two waves",
    file: rollouts,
    find: "if (batchFrom > now) return go;",
    replace: "",
  },
  {
    name: "a restart forgets since when the next wave waits",
    file: rollouts,
    find: "rollout.lastEndedAt = Math.max(rollout.lastEndedAt, endedAt);",
    replace: "rollout.lastEndedAt = endedAt;",
  },
  {
    name: "a paused job goes on where its agents return",
    file: dispatcher,
    find: "for (const request of open) this.#open.requeue(request);",
    replace: "",
  },
  {
    name: "a restart lets a paused job go on",
    file: rollouts,
    find: "const mayGo = job.pausedAt === undefined && isApproved(job);",
    replace: "const mayGo = true;",
  },
  {
    name: "nothing waits for a second operator",
    file: rollouts,
    find: "return needsApproval !== true || approvedBy !== undefined;",
    replace: "return needsApproval !== true || approvedBy !== null;",
  },
  {
    name: "a turn that has come is not written",
    file: dispatcher,
    find: 't.write({ type: "markBatchStarted", requestId, at: batchAt });',
    replace: "",
  },
];
