/** Files as parameters of commands: those of `push_files` and `pull_files`, and of custom commands. */
import * as v from "valibot";
import { ArtifactName } from "../names.ts";

const AbsolutePath = v.pipe(
  v.string("must be a string"),
  v.maxLength(4_096, "must be of at most 4096 characters"),
  v.startsWith("/", "must be an absolute path"),
  v.check((path) => !path.includes("\0"), "must not contain a NUL character"),
  v.check(
    (path) => !path.split("/").some((part) => part === "." || part === ".."),
    'must not contain "." or ".."',
  ),
);

const Mode = v.pipe(v.string(), v.regex(/^0?[0-7]{3,4}$/, "must be an octal mode such as 0644"));

/** The content of an artifact. The digest is part of what a signature covers. */
const artifactContent = {
  artifact_id: v.pipe(v.string(), v.uuid("must be the id of an artifact")),
  bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal")),
};

/** A parameter of a custom command that is a file. The program gets the path of a copy. */
export const ArtifactParameter = v.strictObject({ ...artifactContent, name: ArtifactName });
export type ArtifactParameter = v.InferOutput<typeof ArtifactParameter>;

/** A file or an archive that is stored as an artifact, and where it goes. */
export const PushFilesParameters = v.strictObject({
  ...artifactContent,
  /** Whether it is a tar archive, whose entries go below `path`. */
  archive: v.optional(v.boolean(), false),
  /** The path of the file, or the directory of the entries. */
  path: AbsolutePath,
  /** The mode of the source, for a file that does not exist yet. */
  source_mode: v.optional(Mode, "0644"),
  /** The mode of the files; by default that of an existing file stays. */
  mode: v.optional(Mode),
  /** `USER` or `USER:GROUP`; by default that of an existing file stays. */
  owner: v.optional(
    v.pipe(v.string(), v.regex(/^[^:\s]+(:[^:\s]+)?$/, "must be USER or USER:GROUP")),
  ),
  /** Whether to keep an existing file that changes beside it. */
  backup: v.optional(v.boolean(), false),
  /** Reports what would change, and changes nothing. */
  check: v.optional(v.boolean(), false),
});
export type PushFilesParameters = v.InferOutput<typeof PushFilesParameters>;

export const PullFilesParameters = v.strictObject({
  /** A file, or a directory with everything below it. */
  path: AbsolutePath,
});
export type PullFilesParameters = v.InferOutput<typeof PullFilesParameters>;
