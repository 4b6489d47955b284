/** How a command ends: an error becomes a sentence on stderr and an exit status, in one place. */
import { escapeControls } from "../../lib/escapeControls.ts";
import { errorCodes, errorText, WsctlError } from "../../lib/protocol/errors.ts";

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
export function toExit(error: unknown, withStack: boolean): { message: string; status: number } {
  if (error instanceof WsctlError) {
    const detail = withStack && error.stack !== undefined ? `\n${error.stack}` : "";
    // It may quote what a host has announced or answered.
    return {
      message: `wsctl: ${escapeControls(error.message)}${detail}`,
      status: errorCodes[error.code].exit,
    };
  }
  // citty's own complaints are about arguments; its class is not exported.
  if (error instanceof Error && error.name === "CLIError") {
    return { message: `wsctl: ${error.message}`, status: errorCodes.USAGE.exit };
  }
  const known = withStack ? undefined : causeOf(error);
  if (known !== undefined) {
    return { message: `wsctl: ${escapeControls(known)}`, status: errorCodes.INTERNAL.exit };
  }
  const text = error instanceof Error ? error.stack || errorText(error) : String(error);
  return { message: `wsctl: unexpected fault: ${text}`, status: errorCodes.INTERNAL.exit };
}

/** What the host stands in the way with, such as a full disk: no fault of ours, and no stack. */
function causeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "AbortError") return "stopped before it was done";
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  const pacing = adviceOf[code];
  if (pacing === undefined) return undefined;
  const what = path === undefined ? syscall : `${syscall} "${path}"`;
  return `Cannot ${what}: ${errorText(error)}. ${pacing}`;
}

const adviceOf: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space on the disk",
  EDQUOT: "Free some space within this user's quota",
  EROFS: "Name a directory that can be written to",
  EACCES: "Check that this user may do that",
  EPERM: "Check that this user may do that",
  EMFILE: 'Raise the limit of open files with "ulimit -n"',
  ENFILE: "Close files of other programs: the whole host has too many open",
  ENOMEM: "Free some memory",
  EAGAIN: "Raise the limit of processes, or try it again",
  EIO: "Check the disk: it cannot be read or written",
};

/** Aborted by the first of SIGINT and SIGTERM; a second one ends the process at once. */
export function waitForSignal(onSecond: () => void): AbortSignal {
  const abort = new AbortController();
  const onSignal = () => {
    if (abort.signal.aborted) onSecond();
    abort.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return abort.signal;
}
