/** The arguments of a service, checked as the service itself checks them. */
import { type ArgsDef, parseArgs } from "citty";
import { agentArgs, checkAgentOptions, toAgentOptions } from "../agent.ts";
import { fromStart } from "../cli/startDirectory.ts";
import { strictArgs, usage } from "../cli/strictArgs.ts";
import { parseServeOptions, serveArgs, toServeOptions } from "../serve.ts";
import type { Service, ServiceArgument, ServiceArguments } from "./systemdUnit.ts";

/**
 * Returns the arguments with absolute paths, because a service has no directory of a shell.
 * @throws {WsctlError} USAGE with the invalid argument.
 */
export function parseServiceArguments(
  service: Service,
  words: readonly string[],
): ServiceArguments {
  const args: ArgsDef = service === "serve" ? serveArgs : agentArgs;
  const { rawArgs, lists } = strictArgs([...words], args, { env: {}, settings: {} });
  const list = withFiles(words, args);
  if (service === "serve") {
    const { port } = parseServeOptions(
      toServeOptions(parseArgs<typeof serveArgs>(rawArgs, serveArgs), lists),
    );
    return { list, port };
  }
  checkAgentOptions(toAgentOptions(parseArgs<typeof agentArgs>(rawArgs, agentArgs), lists));
  return { list };
}

/** Splits `--flag=FILE`, so that every path is an argument of its own. */
function withFiles(words: readonly string[], args: ArgsDef): ServiceArgument[] {
  const list: ServiceArgument[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const [flag = "", ...rest] = word.split("=");
    const name = flag.replace(/^--/, "");
    const hint = flag.startsWith("--") ? args[name]?.valueHint : undefined;
    const isJoin = name === "join";
    if (hint !== "FILE" && hint !== "DIR" && !isJoin) {
      list.push({ text: word });
      continue;
    }
    const value = rest.length > 0 ? rest.join("=") : (words[++index] ?? "");
    if (value === "-")
      throw usage(`Flag --${name} is "-": a service has no standard input. Use a file`);
    list.push({ text: flag });
    if (isJoin) list.push({ text: value.replace(/^@(.+)/s, (_, file) => `@${fromStart(file)}`) });
    else if (hint === "DIR") list.push({ text: fromStart(value) });
    else list.push({ fileFlag: name, text: fromStart(value) });
  }
  return list;
}
