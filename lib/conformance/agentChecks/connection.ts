/** How an agent connects, and comes back. */

import type { AgentSession } from "../agentSession.ts";
import { countUnpaused } from "../attempts.ts";
import { type Check, Mismatch, NotApplicable } from "../check.ts";
import { opcodes } from "../frames.ts";
import { decisions, standard } from "../sources.ts";
import { expectThat, shown, typeOf } from "../wire.ts";

type AgentCheck = Check<AgentSession>;

export const connectionChecks: AgentCheck[] = [
  {
    id: "connection/opens",
    level: "must",
    title: "opens a WebSocket",
    source: decisions.upgrade,
    run: async (session) => void (await session.link()),
  },
  {
    id: "connection/path",
    level: "should",
    title: "connects to exactly the path that it is given",
    source: decisions.upgrade,
    async run(session) {
      const { path } = await session.link();
      expectThat(path.split("?")[0] === session.options.path, session.options.path, path);
    },
  },
  {
    id: "connection/token",
    level: "should",
    title: "proves who it is with a bearer token in the Authorization header",
    source: standard.secure,
    async run(session) {
      const { headers } = await session.link();
      const { authorization = "" } = headers;
      expectThat(/^Bearer \S+$/i.test(authorization), "a bearer token", authorization.slice(0, 10));
    },
  },
  {
    id: "connection/no-secret-in-url",
    level: "should",
    title: "puts no token into the URL, where logs would keep it",
    source: standard.secure,
    async run(session) {
      const { path } = await session.link();
      expectThat(!/[?&](access_)?token=/i.test(path), "a URL without a token", "one with a token");
    },
  },
  {
    id: "connection/no-origin",
    level: "may",
    title: "sends no Origin header, which belongs to browsers",
    source: decisions.origin,
    async run(session) {
      const { headers } = await session.link();
      expectThat(headers.origin === undefined, "no Origin", headers.origin);
    },
  },
  {
    id: "connection/pong",
    level: "must",
    title: "answers a WebSocket ping",
    source: decisions.pings,
    async run(session) {
      const link = await session.link();
      link.frame(opcodes.ping, "are you there");
      const pong = await link.until(session.options.answerMs, () =>
        link.pongs.find((text) => text === "are you there"),
      );
      expectThat(pong !== undefined, "a pong with the same text", link.pongs.at(-1));
    },
  },
  {
    id: "connection/one",
    level: "should",
    title: "keeps one connection at a time",
    source: decisions.upgrade,
    async run(session) {
      await session.link();
      const open = session.links.filter(({ closed }) => closed === undefined);
      expectThat(open.length === 1, "one open connection", open.length);
    },
  },
];

function returnsAfter(
  name: string,
  what: string,
  end: (session: AgentSession) => Promise<void> | void,
  level: "must" | "should" = "should",
): AgentCheck {
  return {
    id: `reconnect/${name}`,
    level,
    title: `comes back after ${what}`,
    source: standard.reconnect,
    async run(session) {
      const before = await session.link();
      await end(session);
      const ended = await before.until(session.options.connectMs, () => before.closed);
      if (ended === undefined) throw new NotApplicable("the connection did not end");
      await session.link();
    },
  };
}

const closeWith = (code: number) => async (session: AgentSession) =>
  (await session.link()).close(code);

export const reconnectChecks: AgentCheck[] = [
  {
    id: "connection/close-handshake",
    level: "must",
    title: "answers a close frame and ends the connection",
    source: decisions.upgrade,
    async run(session) {
      const link = await session.link();
      link.close(1000);
      const closed = await link.until(session.options.answerMs, () => link.closed);
      if (closed === undefined) throw new Mismatch("expected a close frame, got nothing");
    },
  },
  {
    id: "reconnect/normal",
    level: "should",
    title: "comes back after a normal closure (1000)",
    source: standard.reconnect,
    run: async (session) => void (await session.link()),
  },
  returnsAfter("restart", "a restart of the control plane (1012)", closeWith(1012)),
  {
    id: "reconnect/lost",
    level: "should",
    title: "tries to connect again after a connection that breaks",
    source: standard.reconnect,
    async run(session) {
      const { server } = session;
      const link = await session.link();
      const { length } = server.attempts;
      // The next check sees what the agent does with this refusal.
      server.answer = "refuse";
      link.destroy();
      const deadline = performance.now() + session.options.connectMs;
      while (server.attempts.length === length && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expectThat(server.attempts.length > length, "an attempt to connect", "none");
    },
  },
  {
    id: "reconnect/refused",
    level: "should",
    title: "tries again where the upgrade was refused for a moment (503)",
    source: standard.reconnect,
    async run(session) {
      session.server.answer = "accept";
      await session.link();
    },
  },
  {
    id: "reconnect/pauses",
    level: "should",
    title: "does not try again without a pause",
    source: decisions.backoff,
    run(session) {
      const count = countUnpaused(session.server.attempts);
      expectThat(count === 0, "a pause between attempts", `${count} without one`);
    },
  },
  {
    id: "reconnect/heartbeat",
    level: "must",
    title: "sends heartbeats on the new connection",
    source: standard.heartbeat,
    async run(session) {
      const link = await session.link();
      const found = await link.until(session.options.heartbeatMs, () =>
        link.messages.find((each) => typeOf(each) === "heartbeat"),
      );
      expectThat(found !== undefined, "a heartbeat", link.messages.at(-1)?.text);
    },
  },
  {
    id: "reconnect/command",
    level: "must",
    title: "runs commands on the new connection",
    source: standard.responds,
    run: async (session) => void (await session.requireResponse(await session.sendCommand())),
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
      const known = ["heartbeat", "status_update", "response", "error"];
      const other = session.messages.map(typeOf).find((type) => !known.includes(String(type)));
      if (other !== undefined)
        throw new Mismatch(`expected ${known.join(", ")}, got ${shown(other)}`);
    },
  },
];
