/** The agents of a contender: processes of so many each, more of them as its fleet grows. */
import { type Running, start } from "./processes.ts";

export interface Herds {
  /** Agents in all. */
  readonly count: number;
  grow(count: number): Promise<void>;
  /** All of them say once more that they are connected. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

/** `command`: the arguments of a herd, by the number of its first agent and how many they are. */
export function newHerds(command: (first: number, count: number) => string[]): Herds {
  const herds: Running[] = [];
  let all = 0;
  return {
    get count() {
      return all;
    },
    async grow(count) {
      if (count === 0) return;
      const herd = start([process.execPath, ...command(all, count)]);
      herds.push(herd);
      all += count;
      await herd.says(/all open/);
    },
    whole: async () => void (await Promise.all(herds.map((herd) => herd.says(/all open/)))),
    async stop() {
      for (const herd of herds) await herd.stop();
    },
  };
}
