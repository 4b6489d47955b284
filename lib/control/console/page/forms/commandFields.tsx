/** Which command runs, and with which parameters: a form if its agents announce their schema. */
import type { Capability } from "../../../../protocol/api/views.ts";
import { visible } from "../state/format.ts";
import type { Field } from "../state/parameters.ts";
import { ParameterForm } from "./parameterForm.tsx";

export function CommandFields(props: {
  command: string;
  onCommand: (command: string) => void;
  /** The text is a program and its arguments, which `exec` runs. */
  onProgram: (words: string[]) => void;
  commands: readonly Capability[];
  fields: readonly Field[] | undefined;
  texts: Readonly<Record<string, string>>;
  onText: (name: string, text: string) => void;
  json: string;
  onJson: (json: string) => void;
}) {
  const { command, onCommand, onProgram, commands, fields, texts, onText, json, onJson } = props;
  const chosen = commands.find(({ name }) => name === command);
  const offered = commands.map(({ name }) => visible(name)).join(", ");
  const words = command.split(/\s+/).filter(Boolean);
  // What may become the name of a command is no program yet.
  const isName = commands.some(({ name }) => name.startsWith(command));
  const isProgram = words.length > 0 && !isName && commands.some(({ name }) => name === "exec");
  const hint = offered === "" ? "Choose agents first, and their commands are listed here." : "";
  return (
    <fieldset>
      <legend>Command</legend>
      <div class="field">
        <label for="command">Command</label>
        <input
          id="command"
          list="commands"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={command}
          onInput={(event) => onCommand(event.currentTarget.value)}
        />
        <datalist id="commands">
          {commands.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <p class="quiet">
          {chosen === undefined
            ? hint || `The agents offer ${offered}.`
            : visible(chosen.description ?? "")}
        </p>
        {isProgram && (
          <p>
            <button type="button" onClick={() => onProgram(words)}>
              {visible(`Run the program ${words.join(" ")}`)}
            </button>
          </p>
        )}
      </div>
      {fields === undefined ? (
        <div class="field">
          <label for="json">
            Parameters <span class="quiet">optional, a JSON object</span>
          </label>
          <textarea
            id="json"
            rows={3}
            spellcheck={false}
            placeholder='{"delay_seconds": 5}'
            value={json}
            onInput={(event) => onJson(event.currentTarget.value)}
          />
        </div>
      ) : (
        <ParameterForm fields={fields} texts={texts} onText={onText} />
      )}
    </fieldset>
  );
}
