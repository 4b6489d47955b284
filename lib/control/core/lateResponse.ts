/** Handles a response to a request that is not open: it has ended, or was never sent. */
import type { Session } from "./agents/session.ts";
import type { ControlEvent } from "./coreEvents.ts";
import { errorEffects } from "./rejections.ts";
import type { ControlTransition } from "./transition.ts";

type LookedUpRequest = ControlEvent & { type: "requestLookedUp" };

/** `agentId` of the event is the agent that the request was once sent to, if any. */
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
    // The first outcome is final; the ack lets the agent stop repeating its response.
    const message = { type: "ack", request_id: requestId, payload: {} } as const;
    t.send(sessionId, message);
  }
  if (isKnown) return "taken";
  if (answer.type === "response") {
    // Not counted as a violation: the agent may hold responses for a control plane that lost its
    // journal.
    const text = "Unknown request: it was not sent to this agent";
    const refusal = { code: "UNKNOWN_REQUEST", text, requestId: answer.request_id } as const;
    t.perform(...errorEffects(sessionId, { ...refusal, answer: true }));
  } else {
    const text = `reported error ${JSON.stringify(answer.payload.code)} without a request`;
    t.log("warn", session.agentId, text);
  }
  return "taken";
}
