/** The command palette, the list of keys, and the keys themselves. */
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { fleet, useFleet } from "../state/fleet.ts";
import { visible } from "../state/format.ts";
import { go } from "../state/router.ts";
import { can, logOut, may, session } from "../state/session.ts";
import { Dialog } from "./dialog.tsx";
import { type PageInfo, pages } from "./pages.ts";
import { switchTheme } from "./theme.ts";

const shown = signal<"" | "palette" | "keys">("");

export function openPalette(): void {
  shown.value = "palette";
}

export function openKeys(): void {
  shown.value = "keys";
}

interface Choice {
  text: string;
  hint: string;
  run(): void;
}

const choicesMax = 12;

function isOpenTo({ permission, isAction }: PageInfo): boolean {
  return (isAction ? may : can)(permission);
}

function choices(find: string): Choice[] {
  const words = find.toLowerCase().split(/\s+/);
  const fits = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  const fixed: Choice[] = [
    ...pages.filter(isOpenTo).map(({ path, title, key }) => ({
      text: title,
      hint: `g ${key}`,
      run: () => go([path]),
    })),
    { text: "Theme: light", hint: "", run: () => switchTheme("light") },
    { text: "Theme: dark", hint: "", run: () => switchTheme("dark") },
    { text: "Theme: system", hint: "", run: () => switchTheme("system") },
    { text: "Keys", hint: "?", run: () => setTimeout(() => (shown.value = "keys")) },
    { text: "Log out", hint: "", run: () => void logOut().catch(() => {}) },
  ];
  const found = fixed.filter(({ text }) => fits(text));
  if (find.trim() === "") return found.slice(0, choicesMax);
  for (const { agent_id: id } of fleet.value ?? []) {
    if (found.length >= choicesMax) break;
    if (fits(id)) found.push({ text: id, hint: "agent", run: () => go(["agents", id]) });
  }
  const search = find.trim();
  if (/^[0-9a-f-]{4,36}$/.test(search)) {
    found.push({ text: `Job ${search}`, hint: "job", run: () => go(["jobs", search]) });
  }
  found.push(
    { text: `Agents with "${search}"`, hint: "search", run: () => go(["agents"], { q: search }) },
    { text: `Jobs with "${search}"`, hint: "search", run: () => go(["jobs"], { search }) },
  );
  return found;
}

export function Overlays() {
  if (session.value.is !== "in" || shown.value === "") return null;
  return shown.value === "palette" ? <Palette /> : <Keys />;
}

function Palette() {
  useFleet();
  const [find, setFind] = useState("");
  const [at, setAt] = useState(0);
  const list = choices(find);
  const active = Math.min(at, list.length - 1);
  const run = (choice: Choice | undefined) => {
    shown.value = "";
    choice?.run();
  };
  return (
    <Dialog title="Search" class="palette" onClose={() => (shown.value = "")}>
      <input
        type="search"
        list={undefined}
        role="combobox"
        aria-label="Search pages, agents and jobs"
        aria-expanded="true"
        aria-controls="choices"
        aria-activedescendant={`choice-${active}`}
        placeholder="Page, agent, job…"
        autocomplete="off"
        autofocus
        value={find}
        onInput={(event) => {
          setFind(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step !== undefined) {
            event.preventDefault();
            setAt((active + step + list.length) % list.length);
          }
          if (event.key === "Enter") {
            event.preventDefault();
            run(list[active]);
          }
        }}
      />
      <ul id="choices" role="listbox" aria-label="Results">
        {list.map((choice, index) => (
          <li
            key={choice.text}
            id={`choice-${index}`}
            role="option"
            aria-selected={index === active}
            tabIndex={-1}
            onClick={() => run(choice)}
          >
            <span>{visible(choice.text)}</span>
            <span class="quiet">{choice.hint}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function Keys() {
  const keys = [
    ["/", "search on this page"],
    ["Ctrl K", "search everywhere"],
    ...pages.filter(isOpenTo).map(({ key, title }) => [`g ${key}`, title]),
    ["j, k", "next and previous row"],
    ["Enter", "open the row"],
    ["x", "select the row"],
    ["?", "these keys"],
    ["Escape", "close"],
  ] as const;
  return (
    <Dialog title="Keys" class="keys" onClose={() => (shown.value = "")}>
      <h2>Keys</h2>
      <dl class="facts">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

const chordMs = 1_000;

/** Listens for the keys that work everywhere, except in a field that takes text. */
export function listenForKeys(): void {
  let chordAt = Number.NEGATIVE_INFINITY;
  document.addEventListener("keydown", (event) => {
    if (session.peek().is !== "in") return;
    if ((event.ctrlKey || event.metaKey) && event.key === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
    const isChord = event.timeStamp - chordAt < chordMs;
    chordAt = Number.NEGATIVE_INFINITY;
    const page = isChord ? pages.find(({ key }) => key === event.key) : undefined;
    if (page !== undefined && isOpenTo(page)) go([page.path]);
    else if (event.key === "g") chordAt = event.timeStamp;
    else if (event.key === "?") shown.value = "keys";
    else if (event.key === "/") {
      const input = document.querySelector<HTMLInputElement>("main input[type=search]");
      if (input === null) openPalette();
      else input.focus();
    } else return;
    event.preventDefault();
  });
}

function isTyping(): boolean {
  const element = document.activeElement;
  if (document.querySelector("dialog[open]") !== null) return true;
  if (element instanceof HTMLInputElement) return element.type !== "checkbox";
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}
