/** A command line with a button that copies it. */
import { visible } from "../state/format.ts";
import { say } from "./dialog.tsx";

export function CopyLine({ text }: { text: string }) {
  return (
    <span class="copy">
      <code>{visible(text)}</code>
      <button type="button" onClick={() => copy(text)}>
        Copy
      </button>
    </span>
  );
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    // Browsers offer the clipboard only to pages with TLS or on this host.
    say("Cannot copy: the browser denies it. Select the text instead", { isBad: true });
  }
}
