/** The notes of a release: its section of the CHANGELOG, and how to check what was downloaded. */
import { readFileSync } from "node:fs";

const changes = new URL("../../CHANGELOG.md", import.meta.url).pathname;

const advice = `## Check what you downloaded

\`SHA256SUMS\` has the hash of every file, and \`SHA256SUMS.sig\` its signature. \`install.sh\`, and \`install.ps1\` on Windows, verify
both before they install. \`sbom.cdx.json\` says what is inside, and \`provenance.json\` how it was built.
`;

/**
 * Returns the notes of a version.
 * @throws {Error} if the CHANGELOG says nothing about it
 */
export function releaseNotes(version: string, text = readFileSync(changes, "utf8")): string {
  const sections = text.split(/^(?=## )/m);
  const isOf = (section: string) => section.split(/\s/)[1] === version;
  const [, body = ""] = sections.find(isOf)?.split(/^## .*\n/m) ?? [];
  if (body.trim() === "") {
    throw new Error(`Cannot release ${version}: CHANGELOG.md has no section "## ${version}"`);
  }
  return `# wsctl ${version}\n\n${body.trim()}\n\n${advice}`;
}
