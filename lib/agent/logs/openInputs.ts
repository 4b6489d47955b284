/** The files of one source: opened, their ends fixed, the oldest first. */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { expand, isLiteral } from "./glob.ts";
import { OpenFile } from "./openFile.ts";
import { wholeLinesEnd } from "./tail.ts";

/** Files of one source that are held open at a time. */
export const filesMax = 512;

export interface Input {
  file: OpenFile;
  path: string;
  /** What is added behind it later does not belong to what is collected. */
  end: number;
  modifiedAtMs: number;
  isGzip: boolean;
}

/** What of a source could not be read, or not to its end. */
export interface Skipped {
  path: string;
  reason: string;
}

export interface Opened {
  inputs: Input[];
  skipped: Skipped[];
}

/** Throws `NOT_FOUND` where there are files and none of them can be read. */
export async function openInputs(globs: readonly string[], isFollowed: boolean): Promise<Opened> {
  const { paths, faults } = expand(globs);
  const inputs: Input[] = [];
  const skipped: Skipped[] = [...faults];
  const seen = new Set<string>();
  try {
    for (const path of paths.sort()) {
      const input = openInput(path, skipped, isFollowed && globs.includes(path));
      if (input === undefined) continue;
      // One file under two names is read once.
      if (seen.has(input.file.identity)) input.file.close();
      else inputs.push(input);
      seen.add(input.file.identity);
      if (inputs.length > filesMax) throw tooMany();
    }
    const [first] = skipped;
    if (inputs.length === 0 && first !== undefined) {
      const others = skipped.length === 1 ? "" : ` (and ${skipped.length - 1} more like it)`;
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

/** Why a file cannot be read as lines, by its name. */
export function checkName(path: string): string | undefined {
  if (!/\.(?:xz|bz2|zst|lz4|lzma|Z|zip|7z)$/.test(path)) return undefined;
  return "is compressed in a way that is not read here: only .gz is";
}

/** `mayCome`: a file that is followed need not be there yet. */
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

/** The system's own words, without the path, which stands beside them. */
function formatReason(error: unknown): string {
  const text = errorText(error);
  return /^[A-Z0-9]+: [^,]+(?=,)/.exec(text)?.[0] ?? text;
}

/** A line that is being written is not cut in two: it belongs to what is followed. */
async function endAtWholeLines(inputs: readonly Input[]): Promise<void> {
  for (const input of inputs) {
    if (!input.isGzip) input.end = await wholeLinesEnd(input.file, input.end);
  }
}

/** Of files written at the same moment, `log.2` is older than `log.1`, and that than `log`. */
function byAge(a: Input, b: Input): number {
  if (a.modifiedAtMs !== b.modifiedAtMs) return a.modifiedAtMs - b.modifiedAtMs;
  return b.path.localeCompare(a.path, "en", { numeric: true });
}

function tooMany(): WsctlError {
  const pacing = "narrow it in its manifest, or make it several sources";
  return new WsctlError("TOO_LARGE", `The source has more than ${filesMax} files: ${pacing}`);
}
