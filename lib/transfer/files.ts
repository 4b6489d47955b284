/** Syncs the name of a file to disk without blocking the event loop. */
import { open } from "node:fs/promises";
import { dirname } from "node:path";

/** The name of a file is durable only when its directory is synced. */
export async function syncParentDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
