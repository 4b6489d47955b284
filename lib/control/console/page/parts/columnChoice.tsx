/** Which columns of a table are shown: kept in the browser, because it is a matter of taste. */
import { signal } from "@preact/signals";
import type { Column } from "../lists/table.tsx";

const stored = "wsctl-hidden-columns";

/** Most fleets have hosts of one kind. */
const hiddenAtFirst = "system";

const hidden = signal<ReadonlySet<string>>(read());

function read(): ReadonlySet<string> {
  return new Set((localStorage.getItem(stored) ?? hiddenAtFirst).split(",").filter(Boolean));
}

function toggle(id: string): void {
  const next = new Set(hidden.peek());
  if (!next.delete(id)) next.add(id);
  hidden.value = next;
  localStorage.setItem(stored, [...next].join(","));
}

/** The columns without those that the user has hidden; the first one always stays. */
export function chosenColumns<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  return columns.filter(({ id }, index) => index === 0 || !hidden.value.has(id));
}

export function ColumnChoice<Row>({ columns }: { columns: readonly Column<Row>[] }) {
  return (
    <details class="choice">
      <summary class="button">Columns</summary>
      <fieldset>
        <legend class="hidden">Columns</legend>
        {columns.slice(1).map(({ id, label }) => (
          <label key={id}>
            <input type="checkbox" checked={!hidden.value.has(id)} onChange={() => toggle(id)} />{" "}
            {label}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
