/** Planted faults in the code of the cluster: each must be caught by the simulator of the cluster. */
import type { Mutation } from "../mutations.ts";

const publication = "lib/cluster/stream/publication.ts";
const replicatedLog = "lib/cluster/copy/replicatedLog.ts";
const replica = "lib/cluster/copy/replica.ts";

export const clusterMutations: Mutation[] = [
  {
    name: "a refused publication counts as stored",
    file: publication,
    find: "if (id === this.#id) return",
    replace: "if (id !== undefined) return",
  },
  {
    name: "a publication without an answer counts as stored",
    file: publication,
    find: 'return end({ status: "unknown", position: 0, reason: this.#reason });',
    replace: 'return end({ status: "stored", position: this.#position + 1, reason: "" });',
  },
  {
    name: "two batches have one message id",
    file: publication,
    find: "this.#digest = digestOf(request.bytes);",
    replace: "this.#digest = digestOf(request.bytes).slice(0, 1);",
  },
  {
    name: "a batch counts as durable before the stream has it",
    file: replicatedLog,
    find: "return { place, isDurable: false };",
    replace: "return { place, isDurable: true };",
  },
  {
    name: "the last message that was seen is not noted",
    file: replicatedLog,
    find: "this.#seen = Math.max(this.#seen, position);",
    replace: "",
  },
  {
    name: "a stream that has gone on stops the node that was elected",
    file: replica,
    find: "if (sequence > this.sequence) return false;",
    replace: "",
  },
  {
    name: "a copy that a power failure has torn stops its node",
    file: replica,
    find: "if (!(error instanceof DamagedLog) || found === undefined) throw error;",
    replace: "if (error instanceof Error) throw error;",
  },
  {
    name: "a leader whose entry was not confirmed copies nothing before it leads on",
    file: replica,
    find: "      () => this.follow(),\n      () => this.catchUp(),\n",
    replace: "",
  },
  {
    name: "parts of a batch that was given up are put together with the next",
    file: "lib/cluster/stream/batchParts.ts",
    find: "if (part === 1) this.#parts = [];",
    replace: "",
  },
  {
    name: "a leader does not answer for what it could not confirm",
    file: replicatedLog,
    find: 'done(this.#refusal(failed.status === "refused" ? "UNAVAILABLE" : "UNCONFIRMED"));',
    replace: "done();",
  },
];
