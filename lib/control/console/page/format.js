/** What is shown, as words: pure, and told the time. */

/**
 * Text of somebody else's as it may be shown: what cannot be seen, or turns text around, as
 * escapes. The same as lib/escapeControls.ts, which a browser cannot load; a test compares.
 */
export function visible(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, (char) => {
    if (char === "\n") return "\n";
    const code = char.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** How long ago a moment was. */
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

/** An agent's state, and whether that is good or bad. */
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
      : { text: "ended, not all succeeded", tone: "bad" };
  }
  if (job.cancelled_at !== undefined) return { text: "being cancelled", tone: "wait" };
  if (job.approval?.status === "pending") return { text: "pending approval", tone: "wait" };
  if (job.paused_at !== undefined) return { text: "paused", tone: "wait" };
  return { text: "under way", tone: "wait" };
}

export function jobProgress({ ended, total, succeeded }) {
  const failed = ended - succeeded;
  return `${ended} of ${total}${failed > 0 ? `, ${failed} not succeeded` : ""}`;
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

/** What a request's answer says: its code and message, then its result. */
export function answerText({ code, message, result }) {
  const said = [code, message].filter((part) => part !== undefined).join(": ");
  if (result === undefined) return said;
  const text = typeof result === "string" ? result : JSON.stringify(result, null, 2);
  return said === "" ? text : `${said}\n${text}`;
}
