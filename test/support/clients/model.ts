/** The program of a language model: `wsctl mcp` with the official client. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { wsctlCommand } from "../processes/processes.ts";

interface Place {
  serving: { url: string };
}

export interface Answer {
  isError: boolean;
  /** What the model is told of the rest. */
  note: string;
  text: string;
  value: Record<string, never>;
}

export class Model implements AsyncDisposable {
  readonly client = new Client({ name: "test", version: "1" });

  static async connect(target: Place, token: string, ...flags: string[]): Promise<Model> {
    const model = new Model();
    const words = [...wsctlCommand("binary"), "mcp", "--server", target.serving.url, ...flags];
    const [command = "", ...args] = words;
    const env = { WSCTL_TOKEN: token, PATH: process.env.PATH ?? "", HOME: "/nonexistent" };
    const transport = new StdioClientTransport({ command, args, env, stderr: "ignore" });
    await model.client.connect(transport);
    return model;
  }

  async call(name: string, parameters: Record<string, unknown> = {}): Promise<Answer> {
    return toAnswer(await this.client.callTool({ name, arguments: parameters }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

export function toAnswer({ content, isError }: Record<string, unknown>): Answer {
  const [{ text = "" } = {}] = content as { text?: string }[];
  const [note = "", ...rest] = text.split("\n");
  return { isError: isError === true, note, text, value: parse(rest.at(-1) ?? "") };
}

function parse(text: string): Record<string, never> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
