/** The frame of a form that saves something: what is wrong, the same command line, and buttons. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../parts/badge.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { visible } from "../state/format.ts";
import { isMissing } from "../state/formValues.ts";

export function SaveForm(props: {
  error: string;
  /** The command line that does the same; undefined while the form is incomplete. */
  line: string | undefined;
  action: string;
  onSave: () => Promise<void>;
  onCancel: () => void;
  children: ComponentChildren;
}) {
  const { error, line, action, onSave, onCancel, children } = props;
  const [isBusy, setBusy] = useState(false);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        setBusy(true);
        await onSave();
        setBusy(false);
      }}
    >
      {children}
      {isMissing(error) ? <p class="quiet">{visible(error)}</p> : <Problem text={error} />}
      {line !== undefined && <CopyLine text={line} />}
      <p class="buttons">
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={isBusy || line === undefined}>
          {action}
        </button>
      </p>
    </form>
  );
}
