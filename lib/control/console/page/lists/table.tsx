/**
 * A table that renders only the rows in view, so that 10,000 rows are as quick as ten. All rows are
 * equally high. The keys j and k, or the arrows, move between rows.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useVirtualRows } from "./virtualRows.ts";

export interface Column<Row> {
  id: string;
  label: string;
  /** A track of a CSS grid, such as `minmax(8rem, 2fr)`. */
  width: string;
  render(row: Row): ComponentChildren;
  sortBy?: (row: Row) => string | number;
  /** Narrow windows leave it out. */
  isWide?: boolean;
}

export interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf(row: Row): string;
  sort?: { id: string; isDown: boolean };
  onSort?: (sort: { id: string; isDown: boolean }) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (keys: readonly string[], isOn: boolean) => void;
  rowHeight?: number;
}

const narrowPx = 720;

export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, keyOf, sort, onSort, selected, onSelect, rowHeight = 36 } = props;
  const box = useRef<HTMLDivElement>(null);
  const isNarrow = useNarrow();
  const active = useRef(0);
  const virtual = useVirtualRows(box, rows.length, rowHeight);
  const shown = columns.filter(({ isWide }) => !(isNarrow && isWide));
  const tracks = shown.map(({ width }) => width).join(" ");
  const grid = { gridTemplateColumns: onSelect === undefined ? tracks : `2rem ${tracks}` };
  const focusRow = (index: number) => {
    const element = box.current;
    if (element === null || index < 0 || index >= rows.length) return;
    active.current = index;
    virtual.scrollToIndex(index, { align: "auto" });
    const focus = () => {
      const row = element.querySelector<HTMLElement>(`[data-index="${index}"]`);
      const found = ["a.main", "a, button", "input"].map((each) => row?.querySelector(each));
      (found.find(Boolean) as HTMLElement | undefined)?.focus({ preventScroll: true });
      return row !== null;
    };
    // A row that was just scrolled into view is rendered with the next frame.
    if (!focus()) requestAnimationFrame(() => requestAnimationFrame(focus));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const isInside = document.activeElement?.closest("[data-index]") !== null;
      focusRow(isInside ? active.current + step : 0);
    }
    const row = rows[active.current];
    if (event.key === "x" && row !== undefined && onSelect !== undefined) {
      event.preventDefault();
      onSelect([keyOf(row)], selected?.has(keyOf(row)) !== true);
    }
  };
  const allKeys = () => rows.map(keyOf);
  const isAll =
    selected !== undefined &&
    rows.length > 0 &&
    selected.size >= rows.length &&
    rows.every((row) => selected.has(keyOf(row)));
  return (
    <div class="table">
      <div
        class="scroller"
        ref={box}
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        onKeyDown={onKeyDown}
        tabIndex={0}
      >
        <div class="head" role="row" style={grid} aria-rowindex={1}>
          {onSelect !== undefined && (
            <span role="columnheader">
              <input
                type="checkbox"
                aria-label="Select all"
                checked={isAll}
                onChange={() => onSelect(allKeys(), !isAll)}
              />
            </span>
          )}
          {shown.map((column) => (
            <Head key={column.id} column={column} sort={sort} onSort={onSort} />
          ))}
        </div>
        <div class="body" role="rowgroup" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const key = keyOf(row);
            const place = { ...grid, top: `${start}px`, height: `${size}px` };
            return (
              <div
                key={key}
                class={`row${selected?.has(key) ? " selected" : ""}`}
                role="row"
                aria-rowindex={index + 2}
                data-index={index}
                style={place}
                onFocusCapture={() => {
                  active.current = index;
                }}
              >
                {onSelect !== undefined && (
                  <span role="cell">
                    <input
                      type="checkbox"
                      aria-label={`Select ${key}`}
                      checked={selected?.has(key) === true}
                      onChange={(event) => onSelect([key], event.currentTarget.checked)}
                    />
                  </span>
                )}
                {shown.map((column) => (
                  <span key={column.id} role="cell" class="cell">
                    {column.render(row)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Head<Row>(props: {
  column: Column<Row>;
  sort: TableProps<Row>["sort"];
  onSort: TableProps<Row>["onSort"];
}) {
  const { column, sort, onSort } = props;
  const isSorted = sort?.id === column.id;
  if (column.sortBy === undefined || onSort === undefined) {
    return (
      <span role="columnheader" class="cell">
        {column.label}
      </span>
    );
  }
  const order = isSorted ? (sort.isDown ? "descending" : "ascending") : "none";
  return (
    <span role="columnheader" class="cell" aria-sort={order}>
      <button
        type="button"
        class="sorter"
        onClick={() => onSort({ id: column.id, isDown: isSorted && !sort.isDown })}
      >
        {column.label}
        <span aria-hidden="true">{isSorted ? (sort.isDown ? " ↓" : " ↑") : ""}</span>
      </button>
    </span>
  );
}

/** Sorts by a column; equal rows keep their order. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { id, isDown }: { id: string; isDown: boolean },
): readonly Row[] {
  const by = columns.find((column) => column.id === id)?.sortBy;
  if (by === undefined) return rows;
  const way = isDown ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: by(row) }));
  keyed.sort((a, b) => (a.key < b.key ? -way : a.key > b.key ? way : 0));
  return keyed.map(({ row }) => row);
}

function useNarrow(): boolean {
  const query = `(max-width: ${narrowPx}px)`;
  const [isNarrow, setNarrow] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setNarrow(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, []);
  return isNarrow;
}
