/** Windows: no process groups, no modes of files, no directories that can be synced. */
import type { System } from "./system.ts";

/** What is asked of Windows itself; tests replace it. */
export interface WindowsEdge {
  /** Runs a program of the system, and waits for it. */
  run(file: string, args: readonly string[]): void;
  /** Whether a process with this id exists. */
  exists(pid: number): boolean;
  isDirectory(path: string): boolean;
  /** Brings the content of a file to disk (FlushFileBuffers). */
  flush(path: string): void;
  execPath: string;
  /** The directory of Windows, such as `C:\Windows`. */
  root: string;
}

/** What programs of Windows expect to find in their environment. */
const passedOn = [
  ...["SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "OS", "COMPUTERNAME"],
  ...["TEMP", "TMP", "USERPROFILE", "USERNAME", "USERDOMAIN", "APPDATA", "LOCALAPPDATA"],
  ...["ProgramData", "ALLUSERSPROFILE", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432"],
  ...["CommonProgramFiles", "PSModulePath", "PUBLIC", "LANG", "TZ"],
  ...["NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"],
];

export function windowsSystem(edge: WindowsEdge): System {
  return {
    hasUsers: false,
    replacesPrograms: false,
    runAddressBytesMax: 256,
    readablePath: edge.execPath,
    passedOn,
    // A named pipe. Upper and lower case name the same directory.
    runAddress: (dir) => `\\\\.\\pipe\\wsctl-${digest(dir.toLowerCase())}`,
    signal: (root, signal) => {
      // By its path: a program of this name in another directory would get the agent's rights.
      const force = signal === "SIGKILL" ? ["/F"] : [];
      edge.run(`${edge.root}\\System32\\taskkill.exe`, ["/PID", `${root}`, "/T", ...force]);
    },
    isAlive: (root) => edge.exists(root),
    sync: (path) => {
      // NTFS records changed names in order, and Windows cannot sync a directory.
      if (!edge.isDirectory(path)) edge.flush(path);
    },
    refusal: (file) => {
      // cmd.exe would read the arguments again, so that a parameter could run another command.
      if (!/\.(?:bat|cmd)[. ]*$/i.test(file)) return undefined;
      return "a batch file reads its arguments as commands. Use an .exe, or powershell.exe -File";
    },
  };
}

function digest(text: string): string {
  // Loaded here, because every command loads this module, on each system.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
