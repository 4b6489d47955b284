/** The fuzzer's inputs: the same seed is the same input, on every run and every runtime. */
import { Random } from "../sim/random.ts";
import { mutated } from "./mutations.ts";
import { type Kind, valid } from "./valid.ts";

export interface Input {
  seed: number;
  /** What it was made from; the mutations may have made something else of it. */
  kind: Kind;
  text: string;
}

const kinds: readonly Kind[] = [
  ...(["agent", "agent", "agent", "agent", "control", "control", "control", "control"] as const),
  ...(["job", "token"] as const),
];

export function inputOf(seed: number, only?: Kind): Input {
  const random = new Random(seed, 7);
  const kind = only ?? random.pick(kinds);
  const another = () => valid(random.pick(kinds), random);
  return { seed, kind, text: mutated(random, valid(kind, random), another) };
}
