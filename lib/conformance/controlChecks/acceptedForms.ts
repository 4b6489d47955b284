/** Forms of messages that a control plane must take. */
import type { JsonObject } from "../../protocol/json.ts";
import type { Check } from "../check.ts";
import type { ControlSession } from "../controlSession.ts";
import { opcodes } from "../frames.ts";
import { decisions, standard } from "../sources.ts";
import { message } from "../wire.ts";

type ControlCheck = Check<ControlSession>;

function accepts(
  name: string,
  what: string,
  source: string,
  texts: () => string | string[],
): ControlCheck {
  return {
    id: `accepts/${name}`,
    level: "must",
    title: `takes ${what}`,
    source,
    async run(session) {
      const link = await session.connect();
      await session.requireAccepted(link, () => {
        const parts = [texts()].flat();
        parts.forEach((part, index) => {
          const opcode = index === 0 ? opcodes.text : opcodes.continuation;
          link.frame(opcode, part, index === parts.length - 1);
        });
      });
    },
  };
}

const heartbeat = (fields: JsonObject = {}, payload: JsonObject = {}) =>
  message("heartbeat", payload, fields);

function acceptsStatus(name: string, cpu: string, memory: string, source: string): ControlCheck {
  const payload = { cpu_usage: cpu, memory_usage: memory };
  return accepts(`status-${name}`, `a status update of ${cpu} and ${memory}`, source, () =>
    message("status_update", payload),
  );
}

export const acceptedForms: ControlCheck[] = [
  accepts("heartbeat", "a heartbeat", standard.heartbeat, () => heartbeat()),
  accepts(
    "heartbeat-request-id",
    "a heartbeat with a request_id",
    decisions.requestIdOptional,
    () => heartbeat({ request_id: "beat-1" }),
  ),
  accepts("extra-field", "a heartbeat with an unknown field", decisions.unknownFields, () =>
    heartbeat({ trace: "1", tags: ["a"] }),
  ),
  accepts(
    "extra-payload-field",
    "a heartbeat with an unknown field in the payload",
    decisions.unknownFields,
    () => heartbeat({}, { load: [1, 2] }),
  ),
  accepts(
    "proto-field",
    "a heartbeat with a field named __proto__",
    decisions.proto,
    () => `{"__proto__":{"type":"command"},${heartbeat().slice(1)}`,
  ),
  accepts("old-timestamp", "a timestamp that is long ago", decisions.anyTime, () =>
    heartbeat({ timestamp: "2001-01-01T00:00:00Z" }),
  ),
  accepts("future-timestamp", "a timestamp in the future", decisions.anyTime, () =>
    heartbeat({ timestamp: "2999-01-01T00:00:00Z" }),
  ),
  accepts("plus-zero", "a timestamp that ends in +00:00", decisions.timestamp, () =>
    heartbeat({ timestamp: "2026-01-02T03:04:05+00:00" }),
  ),
  accepts("nanoseconds", "a timestamp with nine decimals", decisions.timestamp, () =>
    heartbeat({ timestamp: "2026-01-02T03:04:05.123456789Z" }),
  ),
  accepts("leap-day", "a timestamp of a leap day", decisions.dateExists, () =>
    heartbeat({ timestamp: "2028-02-29T00:00:00Z" }),
  ),
  accepts("whitespace", "JSON with spaces and line breaks", decisions.frame, () =>
    JSON.stringify(JSON.parse(heartbeat()), null, 4),
  ),
  accepts("escapes", "JSON with escapes", decisions.frame, () =>
    heartbeat().replace('"heartbeat"', '"\\u0068eartbeat"'),
  ),
  accepts(
    "duplicate-key",
    "a key twice, of which the last counts",
    decisions.duplicateKey,
    () => `{"type":"command",${heartbeat().slice(1)}`,
  ),
  accepts("fragments", "a message in several frames", decisions.frame, () => {
    const text = heartbeat();
    return [text.slice(0, 8), text.slice(8, 20), text.slice(20)];
  }),
  acceptsStatus("example", "30%", "1.5GB", standard.cpu),
  acceptsStatus("decimals", "12.5%", "512.25MB", decisions.cpu),
  acceptsStatus("spaces", "30 %", "512 MB", decisions.memory),
  acceptsStatus("many-cores", "350%", "64GB", decisions.manyCores),
  acceptsStatus("idle", "0%", "900KB", decisions.memory),
  acceptsStatus("terabytes", "1%", "2TB", decisions.memory),
  accepts(
    "status-request-id",
    "a status update with a request_id",
    decisions.requestIdOptional,
    () => message("status_update", { cpu_usage: "1%", memory_usage: "1GB" }, { request_id: "s-1" }),
  ),
  accepts("error", "an error of the agent", standard.eitherParty, () =>
    message("error", { code: "TIMEOUT", message: "it took too long" }, { request_id: "e-1" }),
  ),
];
