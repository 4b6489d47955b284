/** A directory for unfinished files, which is removed when the command ends or is interrupted. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { usage } from "../cli/strictArgs.ts";

const interrupts = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * @param parent an existing directory, whose file system takes the files
 * @param name how the name of the directory begins
 * @throws {WsctlError} USAGE if the parent is not a directory that can be written
 */
export async function withTemporaryDir<T>(
  parent: string,
  name: string,
  run: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = create(parent, name);
  const remove = () => rmSync(dir, { recursive: true, force: true });
  const handlers = Object.entries(interrupts).map(([signal, status]) => {
    const handler = () => {
      remove();
      process.exit(status);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  try {
    return await run(dir);
  } finally {
    for (const end of handlers) end();
    remove();
  }
}

function create(parent: string, name: string): string {
  const isDirectory = statSync(parent, { throwIfNoEntry: false })?.isDirectory();
  if (!isDirectory) throw usage(`Cannot write to "${parent}": the directory does not exist`);
  try {
    return mkdtempSync(join(parent, name));
  } catch (error) {
    throw usage(`Cannot write to "${parent}": ${String((error as Error).message)}`);
  }
}
