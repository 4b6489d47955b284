/** The attempts of an agent to connect, judged by their pauses. */

export interface Attempt {
  /** In milliseconds. */
  at: number;
  headers: Readonly<Record<string, string>>;
}

/** This many attempts in a row are allowed to follow one another without a pause. */
const unpausedMax = 3;
/** An agent that waits a random time may wait a short one, but not again and again. */
const unpausedMs = 120;

/**
 * Returns how many attempts came without a pause. An agent whose offered subprotocol was not agreed
 * asks once more at once, without the offer: that is the same attempt.
 */
export function countUnpaused(attempts: readonly Attempt[]): number {
  const offers = (attempt: Attempt | undefined) =>
    attempt?.headers["sec-websocket-protocol"] !== undefined;
  const own = attempts.filter((each, index) => offers(each) || !offers(attempts[index - 1]));
  return own.filter((each, index) => {
    const earlier = own[index - unpausedMax];
    return earlier !== undefined && each.at - earlier.at < unpausedMs;
  }).length;
}
