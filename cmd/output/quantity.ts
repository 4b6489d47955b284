/** A number with its noun: `1 agent`, `1,204 agents`. The plural is the noun and an `s`. */
export function quantity(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
