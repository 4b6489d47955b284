/**
 * What Bun does not offer on Windows: locks of files, groups of processes (job objects), and a
 * process in the place of another.
 */
import { dlopen } from "bun:ffi";
import { spawnSync } from "node:child_process";

/** `CreateFileW` of kernel32 with these values opens a file for this process alone. */
const readAndWrite = 0xc0000000;
const sharedWithNone = 0;
const openAlways = 4;
const normalFile = 0x80;
const invalidHandle = -1n;

/** The handles by the path of the lock. */
const held = new Map<string, bigint>();

function kernel() {
  return dlopen("kernel32.dll", {
    CreateFileW: { args: ["ptr", "u32", "u32", "ptr", "u32", "u32", "ptr"], returns: "i64" },
    CloseHandle: { args: ["i64"], returns: "i32" },
  }).symbols;
}

/**
 * Opens a file beside the lock that only one process can have open. Windows closes it when the
 * process ends.
 */
export function lockPath(path: string): boolean {
  if (held.has(path)) return false;
  const name = Buffer.from(`${path}.held\0`, "utf16le");
  const handle = kernel().CreateFileW(
    ...([name, readAndWrite, sharedWithNone, null] as const),
    ...([openAlways, normalFile, null] as const),
  );
  if (handle === invalidHandle) return false;
  held.set(path, handle);
  return true;
}

/** `JobObjectBasicProcessIdList` of winnt.h. */
const processIdList = 3;
const listedMax = 4_096;

/** Puts this process into a job object, which its children cannot leave, and returns its reader. */
export function openGroup(): () => number[] {
  const { CreateJobObjectW, AssignProcessToJobObject, GetCurrentProcess, ...rest } = dlopen(
    "kernel32.dll",
    {
      CreateJobObjectW: { args: ["ptr", "ptr"], returns: "i64" },
      GetCurrentProcess: { args: [], returns: "i64" },
      AssignProcessToJobObject: { args: ["i64", "i64"], returns: "i32" },
      QueryInformationJobObject: { args: ["i64", "i32", "ptr", "u32", "ptr"], returns: "i32" },
    },
  ).symbols;
  const job = CreateJobObjectW(null, null);
  if (AssignProcessToJobObject(job, GetCurrentProcess()) === 0) {
    throw new Error("Windows does not let this process into a job object");
  }
  return () => {
    // Two numbers of 32 bits, the second of which is the count of the process ids that follow.
    const list = new BigUint64Array(1 + listedMax);
    rest.QueryInformationJobObject(job, processIdList, list, list.byteLength, null);
    const count = Number((list[0] ?? 0n) >> 32n);
    return [...list.subarray(1, 1 + count)].map(Number).filter((pid) => pid !== process.pid);
  };
}

/** Set for a process that another one waits for. */
const waitedForVariable = "WSCTL_WAITED_FOR";
/** Asks the process that waits to start the program again. */
const againStatus = 86;

/**
 * Starts the program again and waits for it: the process that a service manager knows stays, and at
 * most one process waits.
 * @returns the status with which this process must end
 */
export function startInPlace([file = "", ...args]: readonly string[]): number {
  const { CloseHandle } = kernel();
  for (const handle of held.values()) CloseHandle(handle);
  held.clear();
  if (process.env[waitedForVariable] !== undefined) return againStatus;
  const env = { ...process.env, [waitedForVariable]: "1" };
  for (;;) {
    const { status, error } = spawnSync(file, args, { stdio: "inherit", env });
    if (error !== undefined) throw error;
    if (status !== againStatus) return status ?? 1;
  }
}
