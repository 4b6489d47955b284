/**
 * The pacing that agents get so that a large fleet does not overload the control plane: the
 * heartbeat interval and the window over which agents spread reconnects.
 */
export interface Pacing {
  heartbeatSeconds: number;
  reconnectSeconds: number;
}

/** The target rate of heartbeats and reconnects, per second. */
const heartbeatsPerSecond = 1_000;
const plainReconnectsPerSecond = { perSecond: 1_000, secondsMax: 60 };
/**
 * A TLS handshake takes about as long as the rest of a reconnect. Delaying reconnects is better
 * than dropping handshakes.
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
 * Whether the pacing must be sent again. Small changes are not worth a message to every agent, but
 * agents must not keep the pacing of a much smaller fleet, because they would reconnect too fast.
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
