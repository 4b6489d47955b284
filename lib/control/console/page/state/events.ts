/**
 * One server-sent stream tells the page that something has happened, so that what it shows is read
 * at once. A restricted token gets the events of what it sees. Without the stream the page reads by
 * time alone, and says so.
 */
import { signal } from "@preact/signals";
import { nudge } from "./live.ts";
import { can } from "./session.ts";

/** What ends one request of many is left to the page of its job, which reads every second. */
const types = [
  ...["job.created", "job.ended", "job.failed", "approval.pending", "schedule.failed"],
  ...["agent.connected", "agent.offline", "agent.fenced", "agent.pending"],
];

/** How the page learns that something has happened. */
export const updates = signal<"streaming" | "polling">("polling");

/** A stream that was refused is tried again: the role or a proxy may have changed. */
const retryMs = 30_000;

/** Follows the stream while the page is visible. Returns a function that ends it. */
export function followEvents(): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    if (document.hidden || !can("events.read")) return;
    // The browser connects again by itself, and resumes after the last event.
    const opened = new EventSource(`api/v1/events?types=${types.join(",")}`);
    source = opened;
    for (const type of types) opened.addEventListener(type, nudge);
    opened.addEventListener("open", () => {
      updates.value = "streaming";
    });
    opened.addEventListener("error", () => {
      updates.value = "polling";
      if (opened.readyState === EventSource.CLOSED) timer = setTimeout(open, retryMs);
    });
  };
  document.addEventListener("visibilitychange", open);
  open();
  return () => {
    document.removeEventListener("visibilitychange", open);
    close();
    updates.value = "polling";
  };
}
