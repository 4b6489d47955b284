/** The options of the control plane's engine. */
import type { Log } from "../../log/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { AgentRegistryOptions } from "../core/agents/agentRegistry.ts";
import type { ControlJournal } from "../journal/journal.ts";
import type { LineageGuard } from "../journal/lineage/lineageGuard.ts";

export interface EngineOptions extends Omit<AgentRegistryOptions, "hasCapabilities"> {
  journal: ControlJournal;
  clock: Clock;
  log: Log;
  lineage?: LineageGuard;
  /** Creates ids for jobs and requests, in ascending order. */
  newId: () => string;
}
