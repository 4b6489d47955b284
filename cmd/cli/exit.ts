/** How a command ends: an error becomes a sentence on stderr and an exit status, in one place. */
import { visible } from "../../lib/escapeControls.ts";
import { errorCodes, WsctlError } from "../../lib/protocol/errors.ts";

/** The operator pressed Ctrl-C. */
export const exitInterrupted = 130;
/** Nobody reads standard output any more: what a shell reports of a process that SIGPIPE ended. */
export const exitPipeClosed = 141;
/** All is well; at least one request did not succeed. */
export const exitOk = 0;
export const exitFailed = 1;

/**
 * The message and the status of any thrown value; the stack only for faults of ours, or on demand.
 */
export function exitOf(error: unknown, withStack: boolean): { message: string; status: number } {
  if (error instanceof WsctlError) {
    const detail = withStack && error.stack !== undefined ? `\n${error.stack}` : "";
    // It may quote what a host has announced or answered.
    return {
      message: `wsctl: ${visible(error.message)}${detail}`,
      status: errorCodes[error.code].exit,
    };
  }
  // citty's own complaints are about arguments; its class is not exported.
  if (error instanceof Error && error.name === "CLIError") {
    return { message: `wsctl: ${error.message}`, status: errorCodes.USAGE.exit };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: `wsctl: unexpected fault: ${text}`, status: errorCodes.INTERNAL.exit };
}

/** Aborted by the first of SIGINT and SIGTERM; a second one ends the process at once. */
export function untilSignal(onSecond: () => void): AbortSignal {
  const abort = new AbortController();
  const onSignal = () => {
    if (abort.signal.aborted) onSecond();
    abort.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return abort.signal;
}
