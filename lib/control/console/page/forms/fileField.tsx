/** A parameter that is a file: it is uploaded when it is chosen, and each agent fetches it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Problem } from "../parts/badge.tsx";
import { bytes, visible } from "../state/format.ts";
import { type Field, readJson } from "../state/parameters.ts";
import { fileBytesMax, uploadFile } from "../state/upload.ts";

interface Upload {
  what: "reading" | "uploading";
  name: string;
  done: number;
  total: number;
  abort: AbortController;
}

/** The text is the parameter as JSON, once its file is stored. */
export function FileField(props: { field: Field; text: string; onText: (text: string) => void }) {
  const { field, text, onText } = props;
  const { name, isRequired, help } = field;
  const [upload, setUpload] = useState<Upload>();
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const current = useRef<AbortController | undefined>(undefined);
  const report = useRef(onText);
  report.current = onText;
  useEffect(() => () => current.current?.abort(), []);
  const id = `parameter-${name}`;
  const choose = async (file: File | undefined) => {
    current.current?.abort();
    setProblem("");
    report.current("");
    if (file === undefined) return;
    const abort = new AbortController();
    current.current = abort;
    const show = (what: Upload["what"], done: number, total: number) => {
      if (!abort.signal.aborted) setUpload({ what, name: file.name, done, total, abort });
    };
    try {
      const made = await uploadFile(file, abort.signal, show);
      if (!abort.signal.aborted) report.current(JSON.stringify(made));
    } catch (error) {
      if (!abort.signal.aborted) setProblem((error as Error).message);
    }
    if (current.current !== abort) return;
    setUpload(undefined);
  };
  const cancel = () => {
    current.current?.abort();
    setUpload(undefined);
    if (input.current !== null) input.current.value = "";
    input.current?.focus();
  };
  return (
    <div class="field">
      <label for={id}>
        {visible(name)} {isRequired ? "" : <span class="quiet">optional</span>}
      </label>
      <input
        id={id}
        ref={input}
        type="file"
        aria-describedby={`${id}-help`}
        onChange={(event) => void choose(event.currentTarget.files?.[0])}
      />
      <p id={`${id}-help`} class="quiet">
        {visible(help)} A file of at most {bytes(fileBytesMax)}, which each agent fetches.
      </p>
      <Problem text={problem} />
      {upload !== undefined && <Running upload={upload} onCancel={cancel} />}
      {upload === undefined && <Stored text={text} />}
    </div>
  );
}

function Running({ upload, onCancel }: { upload: Upload; onCancel: () => void }) {
  const { what, name, done, total } = upload;
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  const label = what === "reading" ? `Reading ${name}` : `Uploading ${name}`;
  return (
    <p class="upload">
      <progress aria-label={visible(label)} max={100} value={percent} />
      <span class="quiet">
        {what === "reading" ? "reading" : `${percent} %, ${bytes(done)} of ${bytes(total)}`}
      </span>
      <button type="button" onClick={onCancel}>
        Cancel the upload
      </button>
    </p>
  );
}

/** The text may also be that of a job that is repeated, which can be anything. */
function readStored(text: string): Record<string, unknown> | undefined {
  const { parameters = {} } = readJson(text);
  return typeof parameters.sha256 === "string" ? parameters : undefined;
}

/** What the job will have as its parameter. */
function Stored({ text }: { text: string }) {
  const stored = text === "" ? undefined : readStored(text);
  if (stored === undefined) return null;
  const { name, bytes: size, sha256 } = stored;
  return (
    <p role="status">
      <Badge text={`stored: ${name}, ${bytes(Number(size))}`} tone="good" />{" "}
      <code class="quiet" title={String(sha256)}>
        sha256 {String(sha256).slice(0, 12)}…
      </code>
    </p>
  );
}
