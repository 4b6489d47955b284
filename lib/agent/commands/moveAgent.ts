import * as v from "valibot";
import type { CommandDefinition } from "./command.ts";

const Parameters = v.strictObject({
  /** `http(s)://HOST[:PORT]`, at least as protected as the address that the agent was given. */
  server: v.pipe(
    v.string("must be a string"),
    v.maxLength(300, "must be of at most 300 characters"),
    v.regex(/^https?:\/\/[^/?#@\s]+$/, "must be https://HOST[:PORT]"),
    v.check((text) => URL.canParse(text), "must be https://HOST[:PORT]"),
  ),
});

/** The agent stays where it is until it no longer reaches that address. */
export const moveAgent: CommandDefinition<typeof Parameters> = {
  name: "move_agent",
  summary: "stores another address of the control plane, for when this one no longer answers",
  parameters: Parameters,
  async run({ server }, { moveTo }) {
    const fault = await moveTo(server);
    const answers = fault === undefined ? "it answers" : `it does not answer yet: ${fault}`;
    return {
      status: "success",
      message: `stored; ${answers}`,
      result: { server, answers: fault === undefined, ...(fault === undefined ? {} : { fault }) },
    };
  },
};
