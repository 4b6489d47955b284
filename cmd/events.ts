import { defineCommand } from "citty";
import { escapeControls } from "../lib/escapeControls.ts";
import { type ControlPlaneEvent, type EventType, eventTypes } from "../lib/protocol/api/events.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitInterrupted, waitForSignal } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { createClient } from "./flags/controlPlane.ts";
import { parseMoment, wholeNumber } from "./flags/values.ts";
import { print, printJson } from "./output/stdio.ts";

export default defineCommand({
  meta: {
    name: "events",
    description: "Follow the events of the control plane until Ctrl-C",
    examples: [
      "wsctl events --type job.failed,agent.offline",
      "wsctl events --after 0 --json > events.ndjson",
    ],
  },
  args: {
    ...clientArgs,
    type: {
      type: "string",
      valueHint: "TYPES",
      description: `types, separated by commas: ${eventTypes.join(", ")}`,
    },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "events since then: 2h, 7d, 2026-01-31T00:00:00Z; default: new ones",
    },
    after: {
      type: "string",
      valueHint: "SEQUENCE",
      description: "events after this entry of the log; 0 for all that it has",
    },
  },
  run: ({ args }) => eventsRun(args),
});

interface EventsFlags extends ClientFlags {
  type?: string | undefined;
  after?: string | undefined;
  since?: string | undefined;
  json?: boolean | undefined;
}

async function eventsRun(flags: EventsFlags): Promise<number> {
  const types = flags.type === undefined ? undefined : parseEventTypes("type", flags.type);
  const { after, since } = flags;
  const client = await createClient(flags);
  const signal = waitForSignal(() => process.exit(exitFailed));
  const from =
    after === undefined ? {} : { after: wholeNumber("after", after, 0, Number.MAX_SAFE_INTEGER) };
  const filter = {
    ...from,
    ...(since === undefined ? {} : { since: parseMoment("since", since, Date.now()) }),
    ...(types === undefined ? {} : { types }),
  };
  for await (const event of client.events({ ...filter, signal })) {
    if (flags.json) printJson(event);
    else print(formatEvent(event));
  }
  return exitInterrupted;
}

/** @throws {WsctlError} USAGE with the type that is none */
export function parseEventTypes(flag: string, text: string): EventType[] {
  return text.split(",").map((each) => {
    const type = eventTypes.find((name) => name === each.trim());
    if (type !== undefined) return type;
    throw usage(`Flag --${flag} has "${each}": expected some of ${eventTypes.join(", ")}`);
  });
}

function formatEvent({ sequence, at, type, data }: ControlPlaneEvent): string {
  const pairs = Object.entries(data).map(([key, value]) => {
    return `${key}=${typeof value === "string" && /^[\w.:-]+$/.test(value) ? value : JSON.stringify(value)}`;
  });
  return escapeControls(`${sequence} ${at} ${type} ${pairs.join(" ")}`);
}
