/** All agents, read once for every page that needs them. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { AgentView } from "../../../../protocol/api/views.ts";
import { getAll } from "./api.ts";
import { poll } from "./live.ts";
import { onLogout } from "./session.ts";

/** Undefined before the first answer. */
export const fleet = signal<readonly AgentView[] | undefined>(undefined);
export const fleetError = signal("");

const everyMs = 1_500;
/** A large fleet is read less often: its list has megabytes. */
const everyMsPerAgent = 0.6;
let users = 0;
let loop: ReturnType<typeof poll> | undefined;

onLogout(() => {
  fleet.value = undefined;
});

/** Keeps the agents up to date while the component is shown. */
export function useFleet(): readonly AgentView[] | undefined {
  useEffect(() => {
    if (users++ === 0) loop = start();
    return () => {
      if (--users === 0) loop?.stop();
    };
  }, []);
  return fleet.value;
}

export function refreshFleet(): void {
  loop?.wake();
}

function start() {
  return poll<AgentView[]>({
    everyMs: (agents) => everyMs + everyMsPerAgent * agents.length,
    load: (signal) =>
      getAll<AgentView>("api/v1/agents?limit=1000", signal, (items) => {
        // The first page is shown before the rest arrives.
        if (fleet.peek() === undefined) fleet.value = [...items];
      }),
    isOver: () => false,
    onData: (items) => {
      fleet.value = items;
      fleetError.value = "";
    },
    onError: (text) => {
      fleetError.value = text;
    },
  });
}
