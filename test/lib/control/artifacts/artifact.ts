/** An artifact's record for tests, of which each says only what matters to it. */
import type { StoredArtifact } from "../../../../lib/control/journal/tables/artifactTable.ts";

export function anArtifact(facts: Partial<StoredArtifact> = {}): StoredArtifact {
  const artifactId = facts.artifactId ?? "01a20000-0000-7000-8000-000000000001";
  return {
    artifactId,
    name: "result.bin",
    bytes: 1_000,
    sha256: "a".repeat(64),
    kind: "release",
    state: "ready",
    object: artifactId,
    isVerified: true,
    createdBy: "token",
    createdAt: 1_000,
    ...facts,
  };
}
