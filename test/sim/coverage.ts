/**
 * What worlds must meet sooner or later: a simulator that never goes there proves nothing there.
 */
import { clockFaultKinds, faultKinds, storageFaultKinds } from "./plan.ts";

const outcomes = [
  "success",
  "failed",
  "error INVALID_COMMAND",
  "error TIMEOUT",
  "error STORAGE_UNAVAILABLE",
  "expired EXPIRED",
  "expired OFFLINE",
  "cancelled CANCELLED",
  "cancelled STOPPED",
  "lost INTERRUPTED",
  "lost TIMEOUT",
  "lost DISCONNECTED",
];
const messages = [
  "command",
  "response",
  "status_update",
  "heartbeat",
  "error",
  "hello",
  "welcome",
  "ack",
  "cancel",
  "subscribe_output",
  "output",
  "capabilities",
  "goaway",
];

const expected = [
  ...[...faultKinds, ...storageFaultKinds, ...clockFaultKinds].map((kind) => `fault ${kind}`),
  ...outcomes.map((outcome) => `outcome ${outcome}`),
  ...messages.map((type) => `message ${type}`),
  "refused STORAGE_UNAVAILABLE",
  "refused UNAVAILABLE",
  "restart in place",
  "trial of a version that is good",
  "trial of a version that is crashes",
  "trial of a version that is mute",
  "update proved",
  "way back",
  "rollout stopped",
  "rollout past its canaries",
  "rollout in its next wave",
  "batch did not start in time",
  ...["cancelRequested", "approvalRequested", "pauseRequested", "resumeRequested"].map(
    (decision) => `decided ${decision}`,
  ),
  "output piece",
  "output to its end",
  "output with a gap that is told",
  "program taken up again",
  "program died with its machine",
  "takeover",
  "silent agent noticed",
  "silent control plane noticed",
  "impostor refused",
  "journal failed",
  "segment compressed",
];

/** What was expected and has not been met. */
export function unmet(met: ReadonlyMap<string, number>): string[] {
  return expected.filter((name) => !met.has(name));
}
