/** A field of text with its label and its help. */
export function TextField(props: {
  id: string;
  label: string;
  text: string;
  onText: (text: string) => void;
  help?: string;
  placeholder?: string;
  isRequired?: boolean;
  kind?: "text" | "datetime-local";
}) {
  const { id, label, text, onText, help = "", placeholder = "" } = props;
  const { isRequired = false, kind = "text" } = props;
  return (
    <div class="field">
      <label for={id}>
        {label} {isRequired ? "" : <span class="quiet">optional</span>}
      </label>
      <input
        id={id}
        {...(kind === "text" ? { type: "text" as const } : { type: "datetime-local" as const })}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        required={isRequired}
        placeholder={placeholder}
        aria-describedby={`${id}-help`}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <p id={`${id}-help`} class="quiet">
        {help}
      </p>
    </div>
  );
}
