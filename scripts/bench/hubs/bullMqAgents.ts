/** Agents of BullMQ: `bullMqAgents.ts PORT FIRST COUNT`; each works on the queue of its name. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const [port = "", from = "0", count = "1"] = process.argv.slice(2);
const [host, maxRetriesPerRequest] = ["127.0.0.1", null];
const connection = new Redis({ host, port: Number(port), maxRetriesPerRequest });
for (let offset = 0; offset < Number(count); offset++) {
  const answer = async () => ({ status: "success", message: "pong" });
  const worker = new Worker(`a${Number(from) + offset}`, answer, { connection });
  await worker.waitUntilReady();
}
console.log("all open");
