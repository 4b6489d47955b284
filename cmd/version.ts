import { arch, platform } from "node:os";
import { defineCommand } from "citty";
import { protocolVersion, version } from "../lib/protocol/wire/version.ts";
import { formatRuntime } from "../lib/runtime/load.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { print, printJson } from "./output/stdio.ts";

export default defineCommand({
  meta: { name: "version", description: "Print the version", examples: ["wsctl version"] },
  args: { ...commonArgs, json: { type: "boolean", description: "print JSON" } },
  run: ({ args }) => versionRun(args),
});

function versionRun(options: { json?: boolean | undefined }): number {
  const facts = {
    version,
    protocol_version: protocolVersion,
    runtime: formatRuntime(),
    platform: `${platform()} ${arch()}`,
  };
  if (options.json) printJson(facts);
  else print(`wsctl ${version} (protocol ${protocolVersion}, ${facts.runtime}, ${facts.platform})`);
  return 0;
}
