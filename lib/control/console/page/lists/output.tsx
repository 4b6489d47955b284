/** Live output of the agents of a job: pause, search, wrap, and one agent or all. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { JobDetail } from "../../../../protocol/api/views.ts";
import { AnsiLine, plain } from "../parts/ansi.tsx";
import { visible } from "../state/format.ts";
import { followOutput, type Line, type OutputReader } from "../state/output.ts";

/** More lines than this are cut from the top of the view. */
const shownMax = 2_000;
const choicesMax = 500;

export function Output({ job }: { job: JobDetail }) {
  const { job_id: id } = job;
  const [reader, setReader] = useState<OutputReader>({ lines: [], dropped: 0, isOver: false });
  const [isPaused, setPaused] = useState(false);
  const [frozen, setFrozen] = useState<OutputReader>();
  const [isWrapped, setWrapped] = useState(true);
  const [agent, setAgent] = useState("");
  const [find, setFind] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const abort = new AbortController();
    followOutput(id, abort.signal, setReader);
    return () => abort.abort();
  }, [id]);
  const { lines, dropped, isOver } = frozen ?? reader;
  const found = useMemo(() => select(lines, agent, find), [lines, agent, find]);
  const shown = found.slice(-shownMax);
  const agents = useMemo(() => {
    return [...new Set(job.requests.map((request) => request.agent))].slice(0, choicesMax);
  }, [job]);
  useLayoutEffect(() => {
    const element = box.current;
    if (element !== null && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [shown.length, lines]);
  const hidden = found.length - shown.length + dropped;
  return (
    <section aria-label="Output">
      <div class="filters">
        <input
          type="search"
          aria-label="Search the output"
          placeholder="Search the output"
          value={find}
          onInput={(event) => setFind(event.currentTarget.value)}
        />
        <select
          aria-label="Agent"
          value={agent}
          onChange={(event) => setAgent(event.currentTarget.value)}
        >
          <option value="">All agents</option>
          {agents.map((each) => (
            <option key={each} value={each}>
              {visible(each)}
            </option>
          ))}
        </select>
        <button
          type="button"
          aria-pressed={isPaused}
          onClick={() => {
            setFrozen(isPaused ? undefined : reader);
            setPaused(!isPaused);
          }}
        >
          {isPaused ? "Continue" : "Pause"}
        </button>
        <button type="button" aria-pressed={isWrapped} onClick={() => setWrapped(!isWrapped)}>
          Wrap
        </button>
        <span class="quiet" role="status">
          {`${found.length} lines${isOver ? ", ended" : isPaused ? ", paused" : ", live"}`}
        </span>
      </div>
      {hidden > 0 && <p class="quiet">{`${hidden} earlier lines are not shown`}</p>}
      <div
        ref={box}
        class={`output${isWrapped ? " wrapped" : ""}`}
        role="log"
        aria-label="Output of the agents"
        tabIndex={0}
        onScroll={({ currentTarget: element }) => {
          const rest = element.scrollHeight - element.scrollTop - element.clientHeight;
          isAtEnd.current = rest < 40;
        }}
      >
        {shown.length === 0 && <p class="quiet">{emptyText(isOver, find)}</p>}
        {shown.map((line, index) => (
          <div key={hidden + index} class={`line ${line.stream}`}>
            {agent === "" && <span class="agent">{visible(line.agent)}</span>}
            <span class="text">
              <AnsiLine text={line.text} find={find} />
            </span>
          </div>
        ))}
      </div>
    </section>
  );
}

function emptyText(isOver: boolean, find: string): string {
  if (find !== "") return "No line contains this.";
  if (!isOver) return "Waiting for output…";
  return "No live output: the program wrote none, or it has ended. See the answers.";
}

function select(lines: readonly Line[], agent: string, find: string): readonly Line[] {
  if (agent === "" && find === "") return lines;
  const wanted = find.toLowerCase();
  return lines.filter((line) => {
    if (agent !== "" && line.agent !== agent) return false;
    return wanted === "" || plain(line.text).toLowerCase().includes(wanted);
  });
}
