/** When a saved job runs, with a preview of its next times. */
import { Problem } from "../parts/badge.tsx";
import { isMissing, nextTimes, type Texts, timingOf } from "../state/formValues.ts";
import { TextField } from "./textField.tsx";

const kinds = [
  ["cron", "At times of a calendar (cron)"],
  ["every", "At an interval"],
  ["at", "Once"],
] as const;
const timesShown = 3;

export function ScheduleFields(props: {
  texts: Texts;
  onText: (name: string, text: string) => void;
}) {
  const { texts, onText } = props;
  const { when = "cron" } = texts;
  const field = (name: string) => ({
    id: `schedule-${name}`,
    text: texts[name] ?? "",
    onText: (text: string) => onText(name, text),
  });
  return (
    <fieldset>
      <legend>Schedule</legend>
      <TextField
        {...field("name")}
        label="Name"
        isRequired={true}
        placeholder="nightly"
        help="Letters, digits, '.', '_' or '-'."
      />
      <div class="radios">
        {kinds.map(([kind, text]) => (
          <label key={kind}>
            <input
              type="radio"
              name="when"
              checked={when === kind}
              onChange={() => onText("when", kind)}
            />{" "}
            {text}
          </label>
        ))}
      </div>
      {when === "cron" && (
        <div class="columns">
          <TextField
            {...field("cron")}
            label="Cron"
            isRequired={true}
            placeholder="0 3 * * 1-5"
            help="Minute, hour, day, month, weekday. Six fields begin with seconds."
          />
          <TextField
            {...field("zone")}
            label="Time zone"
            placeholder="UTC"
            help={`Yours is ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`}
          />
        </div>
      )}
      {when === "every" && (
        <TextField
          {...field("every")}
          label="Interval"
          isRequired={true}
          placeholder="15m"
          help="A time such as 15m, 2h or 1d, counted from now."
        />
      )}
      {when === "at" && (
        <TextField
          {...field("at")}
          label="Time"
          kind="datetime-local"
          isRequired={true}
          help="In the time zone of this browser."
        />
      )}
      <NextTimes texts={texts} />
      <div class="columns">
        <TextField
          {...field("jitter")}
          label="Jitter"
          placeholder="0s"
          help="The largest random delay of a run."
        />
        <TextField
          {...field("deadline")}
          label="Starting deadline"
          placeholder="60s"
          help="A run that is later is skipped. none: the latest missed run starts."
        />
        <div class="field">
          <label for="schedule-concurrency">If the job before is still open</label>
          <select
            id="schedule-concurrency"
            value={texts.concurrency ?? "forbid"}
            onChange={(event) => onText("concurrency", event.currentTarget.value)}
          >
            <option value="forbid">skip the run</option>
            <option value="allow">start it too</option>
            <option value="replace">cancel the job before</option>
          </select>
        </div>
      </div>
    </fieldset>
  );
}

function NextTimes({ texts }: { texts: Texts }) {
  const { value: timing, error } = timingOf(texts);
  if (timing === undefined) return <Problem text={isMissing(error) ? "" : error} />;
  const next = nextTimes(timing, Date.now(), timesShown);
  if (next.error !== "") return <Problem text={next.error} />;
  const options = { dateStyle: "medium", timeStyle: "short" } as const;
  return (
    <p role="status">
      Next runs, in the time of this browser:{" "}
      {next.times.map((each) => each.toLocaleString(undefined, options)).join(" · ")}
    </p>
  );
}
