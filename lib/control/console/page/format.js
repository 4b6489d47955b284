/** Formats values for display. Pure functions that are passed the time. */

/**
 * Escapes invisible and bidi characters of untrusted text. The same as lib/escapeControls.ts, which
 * a browser cannot load; a test compares both.
 */
export function visible(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, (char) => {
    if (char === "\n") return "\n";
    const code = char.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Formats the time since a moment. */
export function ago(moment, now) {
  const seconds = Math.max(0, Math.round((now - Date.parse(moment)) / 1000));
  if (Number.isNaN(seconds)) return "never";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

export function took(durationMs) {
  if (durationMs === undefined) return "";
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

/** Formats an agent's state, with its tone. */
export function agentState(agent) {
  if (agent.access === "pending") return { text: "pending approval", tone: "wait" };
  if (agent.access !== "active") return { text: `blocked (${agent.access})`, tone: "bad" };
  const drained = agent.drained ? ", drained" : "";
  const tone = !agent.online ? "bad" : agent.drained ? "wait" : "good";
  return { text: `${agent.online ? "online" : "offline"}${drained}`, tone };
}

export function jobState(job) {
  if (job.ended >= job.total) {
    if (job.cancelled_at !== undefined) return { text: "cancelled", tone: "wait" };
    return job.succeeded === job.total
      ? { text: "succeeded", tone: "good" }
      : { text: "finished, not all succeeded", tone: "bad" };
  }
  if (job.cancelled_at !== undefined) return { text: "cancelling", tone: "wait" };
  if (job.approval?.status === "pending") return { text: "pending approval", tone: "wait" };
  if (job.paused_at !== undefined) return { text: "paused", tone: "wait" };
  return { text: "running", tone: "wait" };
}

export function jobProgress({ ended, total, succeeded }) {
  const failed = ended - succeeded;
  return `${ended} of ${total}${failed > 0 ? `, ${failed} did not succeed` : ""}`;
}

export function requestTone(state) {
  if (state === "success") return "good";
  return state === "queued" || state === "sent" ? "wait" : "bad";
}

export function labelsText(labels = {}) {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

/** Formats a response: its code and message, then its result. */
export function answerText({ code, message, result }) {
  const said = [code, message].filter((part) => part !== undefined).join(": ");
  if (result === undefined) return said;
  const text = typeof result === "string" ? result : JSON.stringify(result, null, 2);
  return said === "" ? text : `${said}\n${text}`;
}
