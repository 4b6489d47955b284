/** Converts an error to a message on stderr and an exit status. */
import { escapeControls } from "../../lib/escapeControls.ts";
import { errorCodes, errorText, WsctlError } from "../../lib/protocol/errors.ts";

/** The operator pressed Ctrl-C. */
export const exitInterrupted = 130;
/** The reader of standard output closed the pipe; a shell reports the same for SIGPIPE. */
export const exitPipeClosed = 141;
export const exitOk = 0;
/** At least one request did not succeed. */
export const exitFailed = 1;

/**
 * Returns the message and the exit status of any thrown value. It includes the stack only for
 * internal errors, or if `withStack` is set.
 */
export function toExit(error: unknown, withStack: boolean): { message: string; status: number } {
  if (error instanceof WsctlError) {
    const detail = withStack && error.stack !== undefined ? `\n${error.stack}` : "";
    // The message may quote text of a host.
    return {
      message: `wsctl: ${escapeControls(error.message)}${detail}`,
      status: errorCodes[error.code].exit,
    };
  }
  // citty's own errors are about arguments; the class is not exported.
  if (error instanceof Error && error.name === "CLIError") {
    return { message: `wsctl: ${error.message}`, status: errorCodes.USAGE.exit };
  }
  const known = withStack ? undefined : causeOf(error);
  if (known !== undefined) {
    return { message: `wsctl: ${escapeControls(known)}`, status: errorCodes.INTERNAL.exit };
  }
  const text = error instanceof Error ? error.stack || errorText(error) : String(error);
  return { message: `wsctl: internal error: ${text}`, status: errorCodes.INTERNAL.exit };
}

/** An error of the host, such as a full disk, is not an internal error and needs no stack. */
function causeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "AbortError") return "stopped before it was complete";
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  const advice = adviceOf[code];
  if (advice === undefined) return undefined;
  const what = path === undefined ? syscall : `${syscall} "${path}"`;
  return `Cannot ${what}: ${errorText(error)}. ${advice}`;
}

const adviceOf: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space on the disk",
  EDQUOT: "Free some space within this user's quota",
  EROFS: "Use a writable directory",
  EACCES: "Check the permissions of this user",
  EPERM: "Check the permissions of this user",
  EMFILE: 'Raise the limit of open files with "ulimit -n"',
  ENFILE: "Close files of other programs: the whole host has too many open",
  ENOMEM: "Free some memory",
  EAGAIN: "Raise the limit of processes, or try again",
  EIO: "Check the disk: it cannot be read or written",
};

/** The first SIGINT or SIGTERM aborts the signal; a second one ends the process immediately. */
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
