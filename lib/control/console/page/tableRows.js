/**
 * Updates the rows of a table in place, so that focus and opened details are kept. All texts are
 * inserted as text, with invisible characters escaped.
 */
import { visible } from "./format.js";

/**
 * @param rows For each item its key and its cells:
 *   `{ label, text, tone?, href?, share?, isLong? }`.
 */
export function showRows(body, rows) {
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  rows.forEach(({ key, cells }, at) => {
    const row = known.get(key) ?? newRow(key);
    known.delete(key);
    cells.forEach((cell, index) => {
      fill(row.cells[index] ?? newCell(row), cell);
    });
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
  for (const row of known.values()) row.remove();
}

/** Shows terms and values as a definition list. */
export function showFacts(list, facts) {
  const nodes = facts.flatMap(([term, text]) => [element("dt", term), element("dd", text)]);
  list.replaceChildren(...nodes);
}

function newRow(key) {
  const row = document.createElement("tr");
  row.dataset.key = key;
  // Explicit, because narrow windows do not display it as a table.
  row.setAttribute("role", "row");
  return row;
}

function newCell(row) {
  const cell = row.insertCell();
  cell.setAttribute("role", "cell");
  return cell;
}

function fill(cell, { label, text, tone, href, share, isLong = false }) {
  cell.dataset.label = label;
  cell.className = tone ?? "";
  const shown = visible(text);
  if (share !== undefined) showShare(cell, share, shown);
  else if (href !== undefined) setText(child(cell, "a", { href }), shown);
  else if (isLong && shown !== "") showLong(cell, shown);
  else setText(cell, shown);
}

function showShare(cell, { value, max }, text) {
  const bar = child(cell, "progress", { max: String(max), "aria-label": "progress" });
  bar.value = value;
  const words = cell.querySelector("div") ?? cell.appendChild(document.createElement("div"));
  setText(words, text);
}

const longChars = 200;

/** Shows short texts in full; of long ones the first line, with the rest on demand. */
function showLong(cell, text) {
  if (text.length <= longChars && !text.includes("\n")) return setText(cell, text);
  const details = child(cell, "details");
  const summary = child(details, "summary");
  setText(summary, text.split("\n")[0].slice(0, longChars));
  const whole = details.querySelector("pre") ?? details.appendChild(document.createElement("pre"));
  whole.tabIndex = 0;
  setText(whole, text);
}

/** Returns the one child with this name and creates it if missing. */
function child(parent, name, attributes = {}) {
  let found = parent.querySelector(`:scope > ${name}`);
  if (found === null) {
    found = document.createElement(name);
    parent.replaceChildren(found);
  }
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  return found;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = visible(text);
  return made;
}

function setText(node, text) {
  if (node.childElementCount > 0 || node.textContent !== text) node.textContent = text;
}
