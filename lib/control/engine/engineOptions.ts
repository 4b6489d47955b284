/** What a control plane's engine is given. */
import type { Log } from "../../log/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { AgentRegistryOptions } from "../core/agents/agentRegistry.ts";
import type { ControlJournal } from "../journal/journal.ts";

export interface EngineOptions extends Omit<AgentRegistryOptions, "hasCapabilities"> {
  journal: ControlJournal;
  clock: Clock;
  log: Log;
  /** Makes ids for jobs and requests, each greater than the one before. */
  newId: () => string;
}
