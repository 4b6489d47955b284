/** A part of a file as a response body under Bun that can be aborted. */
import { type FileHandle, open } from "node:fs/promises";
import type { FilePart } from "./runtime.ts";

const fileReadBytes = 256 * 1024;

/** The size of socket buffers: a smaller file is sent completely before it could be aborted. */
const sentAtOnceBytes = 1024 * 1024;

export function fileBody(part: FilePart): Blob | ReadableStream<Uint8Array> {
  const { path, start, end } = part;
  if (end - start > sentAtOnceBytes) return fileStream(part);
  part.done();
  return Bun.file(path).slice(start, end);
}

/** Bun sends a stream without `Content-Length`, in chunks, but a stream can be aborted. */
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
          // No argument, because Bun would print it.
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
