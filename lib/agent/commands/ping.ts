import * as v from "valibot";
import type { CommandDefinition } from "./command.ts";

const Parameters = v.strictObject({});

export const ping: CommandDefinition<typeof Parameters> = {
  name: "ping",
  summary: "responds immediately, to check the connection",
  parameters: Parameters,
  run: async () => ({ status: "success", message: "pong" }),
};
