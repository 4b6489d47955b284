import { defineCommand } from "citty";
import { exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { shells } from "./completion/shells.ts";
import { print } from "./output/stdio.ts";

export default defineCommand({
  meta: {
    name: "completion",
    isStandalone: true,
    description: "Print a shell completion script",
    examples: [
      "source <(wsctl completion bash)     # in ~/.bashrc",
      "source <(wsctl completion zsh)      # in ~/.zshrc, after compinit",
      "wsctl completion fish | source      # in ~/.config/fish/config.fish",
    ],
  },
  args: {
    shell: {
      type: "positional",
      required: true,
      valueHint: "SHELL",
      description: `which shell: ${Object.keys(shells).join(", ")}`,
    },
  },
  run: ({ args }) => completionRun(args.shell),
});

async function completionRun(shell: string): Promise<number> {
  const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (script === undefined) {
    throw usage(`Unknown shell "${shell}": expected ${Object.keys(shells).join(", ")}`);
  }
  print(script.trim());
  return exitOk;
}
