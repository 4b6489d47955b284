import { defineCommand } from "citty";
import { usage } from "./_args.ts";
import { exitOk } from "./_exit.ts";
import { print } from "./_output.ts";
import { shells } from "./_shells.ts";

export default defineCommand({
  meta: {
    name: "completion",
    isAlone: true,
    description: "Print a script by which a shell completes wsctl's command lines",
    examples: [
      "source <(wsctl completion bash)     # in ~/.bashrc",
      "source <(wsctl completion zsh)      # in ~/.zshrc, behind compinit",
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

export async function completionRun(shell: string): Promise<number> {
  const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (script === undefined) {
    throw usage(`Shell "${shell}" is not known: expected ${Object.keys(shells).join(", ")}`);
  }
  print(script.trim());
  return exitOk;
}
