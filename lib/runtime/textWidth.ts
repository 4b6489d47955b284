/** The number of columns that a text takes at a terminal. */

/**
 * The package makes a segmenter when it is loaded, which takes longer than most tables. Bun has the
 * same function built in.
 */
export const textWidth: (text: string) => number =
  process.versions.bun === undefined ? (await import("string-width")).default : Bun.stringWidth;
