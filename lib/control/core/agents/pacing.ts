/**
 * What agents are advised, so that a growing fleet does not drown its control plane: how often to
 * send a heartbeat, and over how long to spread a return after a lost connection.
 */
export interface Pacing {
  heartbeatSeconds: number;
  reconnectSeconds: number;
}

/** Heartbeats and returning agents that a control plane should meet in a second. */
const heartbeatsPerSecond = 1_000;
const plainReconnectsPerSecond = { perSecond: 1_000, secondsMax: 60 };
/**
 * A handshake takes about as long as all the rest of a return, and where more come than are done,
 * the oldest are cut off: rather late than never.
 */
const tlsReconnectsPerSecond = { perSecond: 500, secondsMax: 240 };

export function pacingFor(agents: number, heartbeatSeconds: number, isTls = false): Pacing {
  const { perSecond, secondsMax } = isTls ? tlsReconnectsPerSecond : plainReconnectsPerSecond;
  return {
    heartbeatSeconds: Math.max(heartbeatSeconds, Math.ceil(agents / heartbeatsPerSecond)),
    reconnectSeconds: Math.min(secondsMax, Math.max(1, Math.ceil(agents / perSecond))),
  };
}

/**
 * Whether a peer should be told again. Small changes are not worth a message to everyone; agents
 * that know of a much smaller fleet come back faster than is good for this one.
 */
export function shouldResend(told: Pacing, now: Pacing): boolean {
  return (
    differs(told.heartbeatSeconds, now.heartbeatSeconds) ||
    differs(told.reconnectSeconds, now.reconnectSeconds)
  );
}

function differs(told: number, now: number): boolean {
  return Math.abs(now - told) > told / 10;
}
