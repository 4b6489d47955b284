/**
 * The marks of what is missing in a stored message. An agent keeps the beginning and the end of a
 * program's output, and a message has a limit.
 */

/** Stands in place of the middle of an output. */
export function omittedMark(bytes: number): string {
  return `\n[… ${bytes} bytes omitted …]\n`;
}

/** Stands at the end of a text that exceeds the limit of a message. */
export function truncatedMark(chars: number): string {
  return ` … [truncated: ${chars} characters in total]`;
}

const omitted = /\n\[… \d+ bytes omitted …\]\n/;
const truncated = / … \[truncated: \d+ characters in total\]$/;

/** Whether a part of the output is missing in a stored message. */
export function isShortened(message: string): boolean {
  return omitted.test(message) || truncated.test(message);
}

/**
 * Returns the part of a stored message that follows the output that is already known. The first
 * line of a message may say how the program ended.
 * @param seen The known output of both streams, in order of arrival.
 */
export function messageAfter(message: string, seen: string): string {
  const known = seen.trimEnd();
  const bodies = [message, message.slice(message.indexOf("\n") + 1)];
  for (const body of bodies)
    if (body.startsWith(known)) return body.slice(known.length).trimStart();
  const mark = omitted.exec(message);
  // The beginning was seen, so the end follows the gap.
  if (mark !== null && bodies.some((body) => known.startsWith(body.slice(0, headChars)))) {
    return message.slice(mark.index + 1);
  }
  return message;
}

const headChars = 100;
