/** The name of a template, and what each of its runs fills in. */
import type { Texts } from "../state/formValues.ts";
import { TextField } from "./textField.tsx";

export function TemplateFields(props: {
  texts: Texts;
  onText: (name: string, text: string) => void;
}) {
  const { texts, onText } = props;
  const field = (name: string) => ({
    id: `template-${name}`,
    text: texts[name] ?? "",
    onText: (text: string) => onText(name, text),
  });
  return (
    <fieldset>
      <legend>Template</legend>
      <div class="columns">
        <TextField
          {...field("name")}
          label="Name"
          isRequired={true}
          placeholder="deploy-web"
          help="Letters, digits, '.', '_' or '-'."
        />
        <TextField {...field("description")} label="Description" help="What it is for." />
        <TextField
          {...field("prompts")}
          label="Ask for"
          placeholder="version"
          help="Parameters that each run fills in, separated by commas. A value below is their default."
        />
      </div>
    </fieldset>
  );
}
