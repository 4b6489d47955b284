/** How a job is spread over its agents, and how long it may wait and run. */

interface FieldInfo {
  name: string;
  label: string;
  placeholder: string;
  help: string;
}

const rolloutFields: readonly FieldInfo[] = [
  {
    name: "canary",
    label: "Canary",
    placeholder: "1 or 5%",
    help: "Agents that run first. One failure among them stops the rollout.",
  },
  {
    name: "canary_pause_seconds",
    label: "Pause after the canary",
    placeholder: "5m",
    help: "Needs a canary.",
  },
  {
    name: "batch",
    label: "Batch",
    placeholder: "10 or 10%",
    help: "Agents that run at the same time.",
  },
  {
    name: "batch_pause_seconds",
    label: "Pause between batches",
    placeholder: "30s",
    help: "Needs a batch. Each batch then waits for the whole one before.",
  },
  {
    name: "max_failures",
    label: "Maximum failures",
    placeholder: "0 or 2%",
    help: "More failures than this cancel the rest.",
  },
];

const limitFields: readonly FieldInfo[] = [
  {
    name: "timeout_seconds",
    label: "Timeout",
    placeholder: "the command's own",
    help: "How long the command may run: 30s, 5m.",
  },
  {
    name: "ttl_seconds",
    label: "Time to live",
    placeholder: "1h",
    help: "How long requests wait for offline agents.",
  },
];

export function RolloutFields(props: {
  options: Readonly<Record<string, string>>;
  onChange: (options: Record<string, string>) => void;
}) {
  const { options, onChange } = props;
  const set = (name: string, text: string) => onChange({ ...options, [name]: text });
  const field = ({ name, label, placeholder, help }: FieldInfo) => (
    <div class="field" key={name}>
      <label for={name}>{label}</label>
      <input
        id={name}
        autocomplete="off"
        placeholder={placeholder}
        aria-describedby={`${name}-help`}
        value={options[name] ?? ""}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
      <p id={`${name}-help`} class="quiet">
        {help}
      </p>
    </div>
  );
  const isUsed = rolloutFields.some(({ name }) => (options[name] ?? "") !== "");
  return (
    <details class="more" open={isUsed}>
      <summary>Rollout, limits and priority</summary>
      <div class="columns">
        {rolloutFields.map(field)}
        {limitFields.map(field)}
        <div class="field">
          <label for="priority">Priority</label>
          <select
            id="priority"
            value={options.priority ?? "normal"}
            onChange={(event) => set("priority", event.currentTarget.value)}
          >
            <option value="high">high</option>
            <option value="normal">normal</option>
            <option value="low">low</option>
          </select>
        </div>
        <div class="field">
          <label>
            <input
              type="checkbox"
              checked={options.require_online === "true"}
              onChange={(event) => set("require_online", String(event.currentTarget.checked))}
            />{" "}
            Skip offline agents
          </label>
        </div>
      </div>
    </details>
  );
}
