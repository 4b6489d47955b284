/**
 * One server-sent stream tells the page that something has happened, so that what it shows is read
 * at once. Without the stream the page reads by time alone.
 */
import { nudge } from "./live.ts";

/** What ends one request of many is left to the page of its job, which reads every second. */
const types = [
  ...["job.created", "job.ended", "job.failed", "approval.pending", "schedule.failed"],
  ...["agent.connected", "agent.offline", "agent.fenced", "agent.pending"],
];

/** Follows the stream while the page is visible. Returns a function that ends it. */
export function followEvents(): () => void {
  let source: EventSource | undefined;
  const open = () => {
    source?.close();
    source = undefined;
    if (document.hidden) return;
    // The browser connects again by itself, and resumes after the last event.
    source = new EventSource(`api/v1/events?types=${types.join(",")}`);
    for (const type of types) source.addEventListener(type, nudge);
  };
  document.addEventListener("visibilitychange", open);
  open();
  return () => {
    document.removeEventListener("visibilitychange", open);
    source?.close();
  };
}
