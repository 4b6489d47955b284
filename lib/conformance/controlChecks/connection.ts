/** How a control plane takes connections, and notices that an agent is gone. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Check, Mismatch } from "../check.ts";
import type { ControlSession } from "../controlSession.ts";
import { opcodes } from "../frames.ts";
import type { Closed } from "../link.ts";
import { decisions, standard } from "../sources.ts";
import { expectThat, message, shown, typeOf } from "../wire.ts";

type ControlCheck = Check<ControlSession>;

/** How the control plane refuses these headers: by a status, or by closing the connection. */
async function refusalOf(
  session: ControlSession,
  headers: Record<string, string>,
): Promise<{ status: number; closed?: Closed | undefined }> {
  const { link, status } = await session.dial(headers);
  if (link === undefined) return { status };
  const closed = await session.ending(link);
  link.destroy();
  return { status, closed };
}

function refusesToken(name: string, what: string, headers: Record<string, string>): ControlCheck {
  return {
    id: `connection/refuses-${name}`,
    level: "must",
    title: `does not stay connected with ${what}`,
    source: standard.secure,
    async run(session) {
      const { status, closed } = await refusalOf(session, headers);
      const isRefused = status !== 101 || closed !== undefined;
      expectThat(isRefused, "a refused or closed connection", "an open one");
    },
  };
}

export const connectionChecks: ControlCheck[] = [
  {
    id: "connection/opens",
    level: "must",
    title: "accepts an agent with a valid token",
    source: decisions.upgrade,
    async run(session) {
      const link = await session.connect();
      await session.requireAccepted(link, () => session.heartbeat(link));
    },
  },
  refusesToken("no-token", "no token", {}),
  refusesToken("wrong-token", "a token that it never made", {
    Authorization: "Bearer no-such-token",
  }),
  refusesToken("wrong-scheme", "credentials of another scheme", {
    Authorization: "Basic bm86c3VjaA==",
  }),
  {
    id: "connection/refusal-code",
    level: "may",
    title: "tells an agent with a wrong token so by the close code 4401",
    source: decisions.refusedToken,
    async run(session) {
      const headers = { Authorization: "Bearer no-such-token" };
      const { closed } = await refusalOf(session, headers);
      expectThat(closed?.code === 4401, "close 4401", closed?.code);
    },
  },
  {
    id: "connection/no-subprotocol",
    level: "must",
    title: "agrees to no subprotocol that it does not know",
    source: decisions.standardOnly,
    async run(session) {
      const { token } = session.options;
      const headers = {
        Authorization: `Bearer ${token}`,
        "Sec-WebSocket-Protocol": "no.such.protocol",
      };
      const { link } = await session.dial(headers);
      const agreed = link?.headers["sec-websocket-protocol"];
      link?.destroy();
      expectThat(agreed === undefined || agreed === "", "no subprotocol", agreed);
    },
  },
  {
    id: "connection/pong",
    level: "must",
    title: "answers a WebSocket ping",
    source: decisions.pings,
    async run(session) {
      const link = await session.connect();
      link.frame(opcodes.ping, "are you there");
      const pong = await link.until(session.options.answerMs, () => link.pongs[0]);
      expectThat(pong === "are you there", "a pong with the same text", pong);
    },
  },
  {
    id: "connection/close-handshake",
    level: "must",
    title: "answers a close frame and ends the connection",
    source: decisions.upgrade,
    async run(session) {
      const link = await session.connect();
      await session.settle(link);
      link.close(1000);
      const closed = await link.until(session.options.answerMs, () => link.closed);
      expectThat(closed !== undefined, "a close frame", undefined);
    },
  },
  {
    id: "connection/again",
    level: "must",
    title: "accepts an agent that comes back at once after a broken connection",
    source: standard.reconnect,
    async run(session) {
      (await session.connect()).destroy();
      const link = await session.connect();
      await session.requireAccepted(link, () => session.heartbeat(link));
    },
  },
];

export const lateChecks: ControlCheck[] = [
  {
    id: "liveness/silent",
    level: "must",
    title: "gives up an agent that sends nothing",
    source: standard.timeout,
    async run(session) {
      const link = await session.connect();
      session.heartbeat(link);
      const { heartbeatMs } = session.options;
      const closed = await link.until(heartbeatMs * 4 + 2_000, () => link.closed);
      if (closed === undefined) throw new Mismatch("expected a closed connection, got an open one");
    },
  },
  {
    id: "liveness/silent-code",
    level: "may",
    title: "says why with the close code 4408",
    source: decisions.silence,
    run(session) {
      const code = session.links.at(-1)?.closed?.code;
      expectThat(code === 4408, "close 4408", code);
    },
  },
  {
    id: "liveness/any-message",
    level: "should",
    title: "keeps an agent that sends status updates alone",
    source: decisions.signOfLife,
    async run(session) {
      const link = await session.connect();
      const { heartbeatMs } = session.options;
      const payload = { cpu_usage: "1%", memory_usage: "1GB" };
      for (let index = 0; index < 8 && link.closed === undefined; index++) {
        link.send(message("status_update", payload));
        await sleep(heartbeatMs / 2);
      }
      expectThat(link.closed === undefined, "an open connection", link.closed?.code);
    },
  },
  {
    id: "connection/text-frames",
    level: "must",
    title: "sends text frames alone",
    source: decisions.frame,
    run(session) {
      const binary = session.links.reduce((sum, link) => sum + link.binaryFrames, 0);
      expectThat(binary === 0, "no binary frame", binary);
    },
  },
  {
    id: "connection/standard-types",
    level: "must",
    title: "sends only types of the standard where no more was agreed",
    source: decisions.standardOnly,
    run(session) {
      const other = session.messages
        .map(typeOf)
        .find((type) => type !== "command" && type !== "error");
      if (other !== undefined) throw new Mismatch(`expected command or error, got ${shown(other)}`);
    },
  },
];
