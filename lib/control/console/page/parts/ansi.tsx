/** Output of programs: colours of terminals as classes, everything else as visible text. */
import Anser from "anser";
import { escapeOutput } from "../../../../escapeControls.ts";

/** Sequences that move the cursor or set the window's title mean nothing here. */
const controls =
  /\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-ln-~]|[PX^_][^\x1b]*\x1b\\)/g;

export function AnsiLine({ text, find = "" }: { text: string; find?: string }) {
  if (!text.includes("\x1b")) return <Marked text={escapeOutput(text)} find={find} />;
  const parts = Anser.ansiToJson(text.replace(controls, ""), { json: true, use_classes: true });
  return (
    <>
      {parts
        .filter(({ content }) => content !== "")
        .map(({ content, fg, bg, decorations }, index) => {
          const names = [fg, bg && `bg-${bg}`, ...decorations].filter(isSafe);
          return (
            <span key={index} class={names.join(" ")}>
              <Marked text={escapeOutput(content)} find={find} />
            </span>
          );
        })}
    </>
  );
}

/** Names of classes come from the parser; anything else is left out. */
function isSafe(name: string | null): name is string {
  return name !== null && /^(?:bg-)?(?:ansi-[a-z-]+)$|^[a-z]+$/.test(name);
}

/** Marks what is searched for. */
function Marked({ text, find }: { text: string; find: string }) {
  if (find === "") return <>{text}</>;
  const parts = [];
  const lower = text.toLowerCase();
  const wanted = find.toLowerCase();
  let at = 0;
  for (let next = lower.indexOf(wanted); next >= 0; next = lower.indexOf(wanted, at)) {
    parts.push(
      text.slice(at, next),
      <mark key={next}>{text.slice(next, next + find.length)}</mark>,
    );
    at = next + find.length;
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  );
}

/** The text without the sequences of terminals, to search in it. */
export function plain(text: string): string {
  return Anser.ansiToText(text.replace(controls, ""));
}
