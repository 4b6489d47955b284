/** A form for the parameters of a command, from the schema that its agents announce. */
import { visible } from "../state/format.ts";
import type { Field } from "../state/parameters.ts";
import { FileField } from "./fileField.tsx";

export function ParameterForm(props: {
  fields: readonly Field[];
  texts: Readonly<Record<string, string>>;
  onText: (name: string, text: string) => void;
}) {
  const { fields, texts, onText } = props;
  if (fields.length === 0) return <p class="quiet">This command has no parameters.</p>;
  return (
    <>
      {fields.map((field) =>
        field.kind === "file" ? (
          <FileField
            key={field.name}
            field={field}
            text={texts[field.name] ?? ""}
            onText={(text) => onText(field.name, text)}
          />
        ) : (
          <ParameterField
            key={field.name}
            field={field}
            text={texts[field.name] ?? ""}
            onText={(text) => onText(field.name, text)}
          />
        ),
      )}
    </>
  );
}

/** The words of a program are not split at spaces, as a shell would. */
function listHelp(name: string): string {
  return name === "argv" ? " The program, then each argument, one a line." : " One value a line.";
}

function ParameterField(props: { field: Field; text: string; onText: (text: string) => void }) {
  const { field, text, onText } = props;
  const { kind, choices, help, isRequired, placeholder, name } = field;
  const id = `parameter-${name}`;
  const common = { id, required: isRequired, "aria-describedby": `${id}-help` };
  const options = kind === "switch" ? ["true", "false"] : choices;
  return (
    <div class="field">
      <label for={id}>
        {visible(name)} {isRequired ? "" : <span class="quiet">optional</span>}
      </label>
      {kind === "choice" || kind === "switch" ? (
        <select {...common} value={text} onChange={(event) => onText(event.currentTarget.value)}>
          <option value="">
            {placeholder === "" ? "Not set" : visible(`Default: ${placeholder}`)}
          </option>
          {options.map((choice) => (
            <option key={choice} value={choice}>
              {visible(choice)}
            </option>
          ))}
        </select>
      ) : kind === "list" || kind === "json" ? (
        <textarea
          {...common}
          rows={3}
          spellcheck={false}
          placeholder={visible(placeholder)}
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      ) : kind === "secret" ? (
        <input
          {...common}
          type="password"
          autocomplete="off"
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      ) : (
        <input
          {...common}
          inputMode={kind === "number" ? "decimal" : "text"}
          autocomplete="off"
          spellcheck={false}
          placeholder={visible(placeholder)}
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )}
      <p id={`${id}-help`} class="quiet">
        {visible(help)}
        {kind === "list" ? listHelp(name) : kind === "json" ? " As JSON." : ""}
      </p>
    </div>
  );
}
