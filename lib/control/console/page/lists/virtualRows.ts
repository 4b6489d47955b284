/** Which rows of a long table are in view, by `@tanstack/virtual-core`. */
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

type Rows = Virtualizer<HTMLDivElement, HTMLDivElement>;

/** Rows beyond the visible ones, so that a quick scroll shows no gap. */
const spareRows = 8;

/**
 * @param rowHeight the height of each row, in pixels; the heading has the same
 * @returns what knows the rows in view; the component is rendered again when they change
 */
export function useVirtualRows(
  box: RefObject<HTMLDivElement | null>,
  count: number,
  rowHeight: number,
): Rows {
  const [, redraw] = useReducer((times: number, more: number) => times + more, 0);
  const options: VirtualizerOptions<HTMLDivElement, HTMLDivElement> = {
    count,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: spareRows,
    // The heading stays in view above the rows.
    scrollPaddingEnd: rowHeight,
    initialRect: { width: 0, height: 800 },
    ...{ scrollToFn: elementScroll, observeElementRect, observeElementOffset },
    onChange: () => redraw(1),
  };
  const [rows] = useState<Rows>(() => new Virtualizer(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), [rows]);
  useLayoutEffect(() => rows._willUpdate());
  return rows;
}
