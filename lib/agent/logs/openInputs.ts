/** Opens the files of one source and fixes their ends, the oldest first. */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { expand, isLiteral } from "./glob.ts";
import { OpenFile } from "./openFile.ts";
import { wholeLinesEnd } from "./tail.ts";

/** The limit of open files of one source. */
export const filesMax = 512;

export interface Input {
  file: OpenFile;
  path: string;
  /** The end of the part that is collected; later lines do not belong to it. */
  end: number;
  modifiedAtMs: number;
  isGzip: boolean;
}

/** A part of a source that could not be read, or not to its end. */
export interface Skipped {
  path: string;
  reason: string;
}

export interface Opened {
  inputs: Input[];
  skipped: Skipped[];
}

/**
 * Opens the files.
 * @throws {WsctlError} NOT_FOUND if there are files and none can be read, TOO_LARGE if there are
 * too many.
 */
export async function openInputs(globs: readonly string[], isFollowed: boolean): Promise<Opened> {
  const { paths, faults } = expand(globs);
  const inputs: Input[] = [];
  const skipped: Skipped[] = [...faults];
  const seen = new Set<string>();
  try {
    for (const path of paths.sort()) {
      const input = openInput(path, skipped, isFollowed && globs.includes(path));
      if (input === undefined) continue;
      // A file with two names is read once.
      if (seen.has(input.file.identity)) input.file.close();
      else inputs.push(input);
      seen.add(input.file.identity);
      if (inputs.length > filesMax) throw tooMany();
    }
    const [first] = skipped;
    if (inputs.length === 0 && first !== undefined) {
      const others = skipped.length === 1 ? "" : ` (and ${skipped.length - 1} more)`;
      throw new WsctlError("NOT_FOUND", `Cannot read ${first.path}: ${first.reason}${others}`);
    }
    if (isFollowed) await endAtWholeLines(inputs);
  } catch (error) {
    closeAll(inputs);
    throw error;
  }
  return { inputs: inputs.sort(byAge), skipped };
}

export function closeAll(inputs: readonly Input[]): void {
  for (const { file } of inputs) file.close();
}

/** Returns why a file cannot be read as lines, according to its name. */
export function checkName(path: string): string | undefined {
  if (!/\.(?:xz|bz2|zst|lz4|lzma|Z|zip|7z)$/.test(path)) return undefined;
  return "uses an unsupported compression: only .gz is supported";
}

/** @param mayCome The file is followed, and may be created later. */
function openInput(path: string, skipped: Skipped[], mayCome: boolean): Input | undefined {
  const unread = checkName(path);
  if (unread !== undefined) {
    skipped.push({ path, reason: unread });
    return undefined;
  }
  try {
    const file = new OpenFile(path);
    const { size, modifiedAtMs } = file.stat();
    return { file, path, end: size, modifiedAtMs, isGzip: path.endsWith(".gz") };
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isGone && mayCome && isLiteral(path)) return undefined;
    skipped.push({ path, reason: formatReason(error) });
    return undefined;
  }
}

/** Returns the system's error text without the path, which is reported separately. */
function formatReason(error: unknown): string {
  const text = errorText(error);
  return /^[A-Z0-9]+: [^,]+(?=,)/.exec(text)?.[0] ?? text;
}

/** A line that is still being written is not split: the follower reads it. */
async function endAtWholeLines(inputs: readonly Input[]): Promise<void> {
  for (const input of inputs) {
    if (!input.isGzip) input.end = await wholeLinesEnd(input.file, input.end);
  }
}

/** Among files with the same time, `log.2` is older than `log.1`, and that is older than `log`. */
function byAge(a: Input, b: Input): number {
  if (a.modifiedAtMs !== b.modifiedAtMs) return a.modifiedAtMs - b.modifiedAtMs;
  return b.path.localeCompare(a.path, "en", { numeric: true });
}

function tooMany(): WsctlError {
  const advice = "narrow it in the manifest, or split it into several sources";
  return new WsctlError("TOO_LARGE", `The source has more than ${filesMax} files: ${advice}`);
}
