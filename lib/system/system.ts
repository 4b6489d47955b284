/**
 * The interface to the differences between operating systems, as far as agents meet them. Two files
 * implement it; `current.ts` chooses one.
 */
export interface System {
  /** Whether a file has an owner and a mode, and a program can run as another user. */
  readonly hasUsers: boolean;
  /** Whether the file of a program that runs can be replaced. */
  readonly replacesPrograms: boolean;
  /** The longest address of `runAddress`, in bytes. */
  readonly runAddressBytesMax: number;
  /** A path that can be opened as long as this process can open files at all. */
  readonly readablePath: string;
  /** The variables of the agent's environment that its programs get. */
  readonly passedOn: readonly string[];
  /** Returns where the supervisor of a run listens, for the directory of the run. */
  runAddress(dir: string): string;
  /** Asks a program and the processes that it started to end, or ends them. */
  signal(root: number, signal: "SIGTERM" | "SIGKILL"): void;
  /** Whether the program, or a process of its group, has not ended. */
  isAlive(root: number): boolean;
  /** Brings a file, or the names in a directory, to disk, as far as the system can. */
  sync(path: string): void;
  /** Returns why a program must not be started; undefined if it may be. */
  refusal(file: string): string | undefined;
}
