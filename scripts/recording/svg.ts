/**
 * Draws a recording as one animated SVG: a strip of frames, of which a window shows one at a time.
 * Lines that frames share are drawn once. Readers who prefer less motion see the last frame.
 */
import type { Span } from "./screen.ts";

export interface Frame {
  /** From the beginning of the recording. */
  atMs: number;
  lines: Span[][];
}

export interface Picture {
  columns: number;
  rows: number;
  title: string;
  /** How long the last frame stays before the recording starts again. */
  endMs: number;
}

const charWidth = 8.4;
const lineHeight = 19;
const margin = 14;
const barHeight = 30;
const colours: Readonly<Record<number, string>> = {
  31: "#ff7b72",
  32: "#7ee787",
  33: "#e3b341",
  34: "#79c0ff",
  35: "#d2a8ff",
  36: "#76e3ea",
  37: "#e6edf3",
  90: "#8b949e",
};

export function animatedSvg(frames: readonly Frame[], picture: Picture): string {
  const { columns, rows, title, endMs } = picture;
  const width = Math.ceil(columns * charWidth + 2 * margin);
  const height = Math.ceil(rows * lineHeight + 2 * margin + barHeight);
  const totalMs = (frames.at(-1)?.atMs ?? 0) + endMs;
  const drawn = new Map<string, string>();
  const strip = frames.map(({ lines }, at) => {
    const uses = lines.map((line, row) => {
      if (line.length === 0) return "";
      const body = line.map(tspan).join("");
      const id = drawn.get(body) ?? `l${drawn.size}`;
      drawn.set(body, id);
      const y = Math.round(barHeight + margin + (row + 0.75) * lineHeight);
      return `<use href="#${id}" x="${margin + at * width}" y="${y}"/>`;
    });
    return `<g>${uses.join("")}</g>`;
  });
  const steps = frames.map(({ atMs }, at) => {
    const percent = Number(((atMs / totalMs) * 100).toFixed(3));
    return `${percent}%{transform:translateX(${-at * width}px)}`;
  });
  const last = -(frames.length - 1) * width;
  const defs = [...drawn].map(
    ([body, id]) => `<text id="${id}" xml:space="preserve">${body}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}"
 height="${height}" role="img" aria-label="${escaped(title)}">
<title>${escaped(title)}</title>
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3}
.b{font-weight:700}.d{opacity:.65}
${Object.entries(colours)
  .map(([number, colour]) => `.c${number}{fill:${colour}}`)
  .join("")}
#strip{animation:play ${(totalMs / 1000).toFixed(1)}s step-end infinite}
@keyframes play{${steps.join("")}100%{transform:translateX(${last}px)}}
@media (prefers-reduced-motion:reduce){#strip{animation:none;transform:translateX(${last}px)}}
</style>
<defs>
<clipPath id="window"><rect width="${width}" height="${height}"/></clipPath>
${defs.join("\n")}
</defs>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="20" cy="18" r="5" fill="#ff5f57"/><circle cx="38" cy="18" r="5" fill="#febc2e"/>
<circle cx="56" cy="18" r="5" fill="#28c840"/>
<g clip-path="url(#window)"><g id="strip">
${strip.join("\n")}
</g></g>
</svg>
`;
}

function tspan({ text, colour, isBold, isDim }: Span): string {
  const known = colour === undefined || colours[colour] === undefined ? "" : `c${colour}`;
  const classes = [known, isBold ? "b" : "", isDim ? "d" : ""].filter(Boolean).join(" ");
  const body = escaped(text);
  return classes === "" ? body : `<tspan class="${classes}">${body}</tspan>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
