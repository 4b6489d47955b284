/** Rounds, medians and their spread. Figures are compared within one run only. */
import type { Contender } from "./contenders.ts";

export interface Measured {
  median: number;
  /** Of all rounds, the least and the most. */
  least: number;
  most: number;
  rounds: number[];
}

export type ByContender = Map<string, Measured>;

export interface RoundsOptions {
  rounds: number;
  say(text: string): void;
}

/**
 * One figure of each contender in every round, in fresh processes, in an order that turns with the
 * rounds, so that nobody is always the one who runs on a warm or a tired machine.
 */
export async function inRounds(
  contenders: readonly Contender[],
  options: RoundsOptions,
  measure: (contender: Contender) => Promise<number>,
): Promise<ByContender> {
  const metrics = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length];
      if (contender === undefined) continue;
      const figure = await measure(contender);
      metrics.get(contender.name)?.push(figure);
      options.say(`round ${round + 1}  ${contender.name}: ${figure.toPrecision(4)}`);
    }
  }
  return new Map([...metrics].map(([name, rounds]) => [name, measuredOf(rounds)]));
}

export function measuredOf(rounds: number[]): Measured {
  return {
    median: quantile(rounds, 0.5),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
    rounds,
  };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}
