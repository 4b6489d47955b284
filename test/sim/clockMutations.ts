/** Planted faults in what follows a clock that is set while processes run. */
import type { Mutation } from "./mutations.ts";
export const clockMutations: Mutation[] = [
  {
    name: "times do not follow a clock that was set",
    file: "lib/time/timeline.ts",
    find: "if (Math.abs(byMs) < stepMsMin) return 0;",
    replace: "if (byMs !== stepMsMin) return 0;",
  },
  {
    name: "a clock that is set moves what waits for a duration",
    file: "lib/control/core/core.ts",
    find: "return this.#dispatcher?.clockSet(event.byMs);",
    replace: "return undefined;",
  },
  {
    name: "a connected agent is told an expiry of a clock that it has not measured",
    file: "lib/control/core/requests/commandMessage.ts",
    find: "timestamp(expiresAt(request, job) - clockSetByMs);",
    replace: "timestamp(expiresAt(request, job) - 0 * clockSetByMs);",
  },
  {
    name: "an agent's deadlines follow a clock that was set",
    file: "lib/agent/engine.ts",
    find: "const [now, wall] = [this.#options.clock.now(), this.#options.clock.wall()];",
    replace: "const [now, wall] = [this.#options.clock.wall(), this.#options.clock.wall()];",
  },
];
