/** What is shown of a request's result. */
import * as v from "valibot";
import { ArtifactName } from "../../lib/protocol/names.ts";

/** Fields that the outcome itself, or a remark of its own, already shows. */
const shownElsewhere = ["exit_code", "signal", "result_fault", "artifacts"];

const Fault = v.object({ result_fault: v.string() });

/** Whether a result contains more than how the program ended. */
export function hasMoreDetail(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return result !== undefined;
  return Object.keys(result).some((key) => !shownElsewhere.includes(key));
}

/** Returns why the result that the program returned is missing, if it is. */
export function resultFault(result: unknown): string | undefined {
  return v.is(Fault, result) ? result.result_fault : undefined;
}

const Stored = v.object({
  artifacts: v.array(
    v.object({ artifact_id: v.pipe(v.string(), v.uuid()), name: ArtifactName, bytes: v.number() }),
  ),
});
type StoredArtifact = v.InferOutput<typeof Stored>["artifacts"][number];

/** Returns the files that the program left. */
export function storedArtifacts(result: unknown): StoredArtifact[] {
  return v.is(Stored, result) ? result.artifacts : [];
}
