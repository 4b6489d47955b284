/** The console itself: who is logged in, what the role permits, and where to read on. */
import { Facts, Time } from "../parts/badge.tsx";
import { session } from "../state/session.ts";

export function AboutPage() {
  const { name, role, until, mode, version, id } = session.value;
  return (
    <>
      <h1 tabIndex={-1}>About</h1>
      <Facts
        facts={[
          ["wsctl", version],
          ["Logged in as", `${name} (${role})`],
          ["ID in the audit trail", id],
          ["Session ends", until && <Time key="until" at={until} isFuture={true} />],
          ["Console", mode === "full" ? "full: actions are permitted" : "read-only"],
        ]}
      />
      <p class="quiet">
        Press <kbd>?</kbd> for the keys. <code>wsctl --help</code> lists the commands of the command
        line, which can do everything that the console can, and more: signed jobs, updates, backups.
        The administrator chooses with <code>wsctl serve --console full|read-only|off</code> what
        this page may do.
      </p>
    </>
  );
}
