/** A part of a file as the body of a response under Bun, which can be stopped midway. */
import { type FileHandle, open } from "node:fs/promises";
import type { FilePart } from "./runtime.ts";

const fileReadBytes = 256 * 1024;

/** As much as a socket's buffers take at once: it is sent before anything could stop it. */
const sentAtOnceBytes = 1024 * 1024;

export function fileBody(part: FilePart): Blob | ReadableStream<Uint8Array> {
  const { path, start, end } = part;
  if (end - start > sentAtOnceBytes) return fileStream(part);
  part.done();
  return Bun.file(path).slice(start, end);
}

/** Bun sends a stream in chunks, without `Content-Length`, but a stream can be stopped. */
function fileStream({ path, start, end, signal, done }: FilePart): ReadableStream<Uint8Array> {
  let file: FileHandle | undefined;
  let at = start;
  const finish = async () => {
    done();
    await file?.close();
    file = undefined;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        file ??= await open(path, "r");
        const buffer = new Uint8Array(Math.min(fileReadBytes, end - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        at += bytesRead;
        if (signal.aborted || bytesRead === 0) {
          await finish();
          // Without a reason: Bun would print one.
          return controller.error();
        }
        controller.enqueue(buffer.subarray(0, bytesRead));
        if (at < end) return;
        await finish();
        controller.close();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
