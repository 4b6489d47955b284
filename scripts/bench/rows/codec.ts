import {
  type AgentDraft,
  type ControlDraft,
  decodeFromAgent,
  decodeFromControl,
  encode,
} from "../../../lib/protocol/wire/codec.ts";
import { type Measured, measuredOf, quantile } from "../measure.ts";
import type { Row } from "../row.ts";

const draft = {
  heartbeat: { type: "heartbeat", payload: {} },
  status_update: { type: "status_update", payload: { cpu_usage: "12.5%", memory_usage: "1.5GB" } },
  response: {
    type: "response",
    request_id: "01a212ae-66a8-71b3-9748-9409c6d62e5d",
    payload: { status: "success", message: "restarted nginx", result: { exit_code: 0 } },
  },
  error: {
    type: "error",
    request_id: "01a212ae-66a8-71b3-9748-9409c6d62e5d",
    payload: { code: "INVALID_COMMAND", message: "no such command" },
  },
  command: {
    type: "command",
    request_id: "01a212ae-66a8-71b3-9748-9409c6d62e5d",
    payload: {
      command: "restart",
      parameters: { delay_seconds: 10 },
      timeout_seconds: 30,
      expires_at: "2026-01-01T01:00:00.000Z",
    },
  },
} as const;

export const codec: Row = {
  number: 11,
  name: "codec",
  measure: "reading and validating: ns for a message of each type, beside bare JSON.parse",
  async run(options) {
    const metrics = new Map<string, Measured>();
    const goals = [];
    for (const [type, message] of Object.entries(draft)) {
      const text = String(encode(message as ControlDraft | AgentDraft, 1_767_225_600_000));
      const own: number[] = [];
      const bare: number[] = [];
      for (let round = 0; round < options.rounds; round++) {
        const decode = type === "command" ? decodeFromControl : decodeFromAgent;
        own.push(nanoseconds(() => void decode(text, { isExtended: true })));
        bare.push(nanoseconds(() => void JSON.parse(text)));
      }
      metrics.set(`${type}, wsctl`, measuredOf(own));
      metrics.set(`${type}, JSON.parse`, measuredOf(bare));
      const ratio = quantile(own, 0.5) / quantile(bare, 0.5);
      goals.push({ text: `${type}: at most 2.0 × JSON.parse`, ratio, isMet: ratio <= 2 });
    }
    return { unit: "ns", figures: metrics, goals, remarks: [] };
  },
};

function nanoseconds(run: () => void): number {
  const count = 200_000;
  for (let index = 0; index < count / 10; index++) run();
  const from = performance.now();
  for (let index = 0; index < count; index++) run();
  return ((performance.now() - from) * 1e6) / count;
}
