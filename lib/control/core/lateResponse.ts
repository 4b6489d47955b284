/** An answer to a request that is not open: one that has ended, or one that nobody sent. */
import type { Session } from "./agents/session.ts";
import type { ControlEvent } from "./model.ts";
import { errorEffects } from "./rejections.ts";
import type { ControlTransition } from "./transition.ts";

type LookedUpRequest = ControlEvent & { type: "requestLookedUp" };

/** `agentId` of the event is the agent that it was once sent to, if it ever was. */
export function lateResponse(
  { answer, agentId }: LookedUpRequest,
  session: Session,
  t: ControlTransition,
): "taken" | "not yours" {
  if (agentId !== undefined && agentId !== session.agentId) return "not yours";
  const { sessionId, isExtended } = session;
  const requestId = answer.request_id;
  const isKnown = agentId !== undefined;
  if (requestId !== undefined && isExtended && (isKnown || answer.type === "error")) {
    // The first outcome stands; the agent may stop repeating its answer.
    const message = { type: "ack", request_id: requestId, payload: {} } as const;
    t.send(sessionId, message);
  }
  if (isKnown) return "taken";
  if (answer.type === "response") {
    // Not counted against the peer: it may hold answers for a control plane that lost its journal.
    const text = "no such request was sent to you";
    const refusal = { code: "UNKNOWN_REQUEST", text, requestId: answer.request_id } as const;
    t.perform(...errorEffects(sessionId, { ...refusal, answer: true }));
  } else {
    const text = `reported an error of its own, ${JSON.stringify(answer.payload.code)}`;
    t.log("warn", session.agentId, text);
  }
  return "taken";
}
