/**
 * A limit for pipelined requests under Deno and Node.js. `node:http` starts every request that it
 * has read, so a client that reads no responses could fill the memory.
 */
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";

/** No client of wsctl pipelines, and browsers do not either. */
const unansweredMax = 100;

/** Resets a connection that has more unanswered requests than the limit. */
export function limitPipelining(listener: RequestListener): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  return (request, response) => {
    const { socket } = request;
    // Requests that were read together with the one above the limit.
    if (socket.destroyed) return;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > unansweredMax) {
      socket.destroy();
      return;
    }
    unanswered.set(socket, count);
    response.once("close", () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    listener(request, response);
  };
}
