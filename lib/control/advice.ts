/**
 * What agents are advised, so that a growing fleet does not drown its control plane: how often to
 * send a heartbeat, and over how long to spread the first return after a lost connection.
 */
export interface Advice {
  heartbeatSeconds: number;
  reconnectSeconds: number;
}

/** Heartbeats and returning agents that a control plane should meet in a second. */
const heartbeatsPerSecond = 1_000;
const returnsPerSecond = 1_000;
const reconnectSecondsMin = 1;
const reconnectSecondsMax = 60;
/** A handshake of TLS takes about as long as all the rest of a return. */
const tlsFactor = 2;

export function adviceFor(agents: number, heartbeatSeconds: number, isTls = false): Advice {
  const factor = isTls ? tlsFactor : 1;
  const spread = Math.ceil((factor * agents) / returnsPerSecond);
  return {
    heartbeatSeconds: Math.max(heartbeatSeconds, Math.ceil(agents / heartbeatsPerSecond)),
    reconnectSeconds: Math.min(factor * reconnectSecondsMax, Math.max(reconnectSecondsMin, spread)),
  };
}

/**
 * Whether a peer should be told again. Small changes are not worth a message to everyone, and agents
 * that know of a smaller fleet come back faster than is good for this one.
 */
export function isOutdated(told: Advice, now: Advice): boolean {
  return (
    differs(told.heartbeatSeconds, now.heartbeatSeconds) ||
    differs(told.reconnectSeconds, now.reconnectSeconds)
  );
}

function differs(told: number, now: number): boolean {
  return Math.abs(now - told) > told / 10;
}
