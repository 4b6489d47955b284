/** Who is logged in and what that permits, how the page looks, and where to read on. */
import type { TokenView } from "../../../../protocol/api/tokens.ts";
import { Facts, Problem, Time } from "../parts/badge.tsx";
import { openKeys } from "../parts/palette.tsx";
import { switchTheme, theme, themes } from "../parts/theme.ts";
import { get } from "../state/api.ts";
import { updates } from "../state/events.ts";
import { useLive } from "../state/live.ts";
import { session } from "../state/session.ts";

export function SettingsPage() {
  return (
    <>
      <h1 tabIndex={-1}>Settings</h1>
      <div class="panels">
        <Login />
        <Display />
        <Versions />
        <Documents />
      </div>
    </>
  );
}

const logins = {
  token: "with a token",
  string: "with a login string",
  oidc: "at the OpenID provider",
} as const;

function Login() {
  const { name, role, until, id, by } = session.value;
  const { data, error } = useLive("whoami", (signal) => get<TokenView>("api/v1/whoami", signal), {
    everyMs: 15_000,
  });
  const ends = data?.expires_at;
  return (
    <section class="panel" aria-label="Your login">
      <h2>Your login</h2>
      <Problem text={error} />
      <Facts
        facts={[
          ["Name", name],
          ["Role", role],
          ["Scope", data && scopeText(data)],
          ["Logged in", by && logins[by]],
          ["ID in the audit trail", id],
          ["Session ends", until && <Time key="until" at={until} isFuture={true} />],
          [
            "Token expires",
            ends === undefined ? data && "never" : <Time key="expires" at={ends} isFuture={true} />,
          ],
        ]}
      />
    </section>
  );
}

/** What a token is restricted to. */
function scopeText({ commands, target, addresses }: TokenView): string {
  const parts = [
    target === undefined ? "" : `agents: ${target}`,
    commands === undefined ? "" : `commands: ${commands.join(", ")}`,
    addresses === undefined ? "" : `from: ${addresses.join(", ")}`,
  ].filter(Boolean);
  return parts.length === 0 ? "all agents, all commands of the role" : parts.join(" · ");
}

function Display() {
  return (
    <section class="panel" aria-label="Display">
      <h2>Display</h2>
      <fieldset class="toggles">
        <legend class="hidden">Theme</legend>
        {themes.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={theme.value === each}
            onClick={() => switchTheme(each)}
          >
            {each}
          </button>
        ))}
      </fieldset>
      <p>
        <button type="button" onClick={openKeys}>
          Show the keys <kbd>?</kbd>
        </button>
      </p>
      <p class="quiet">This browser keeps the theme, and the columns that you hide.</p>
    </section>
  );
}

const updateTexts = {
  streaming: "by the events of the control plane, at once",
  polling: "by reading every few seconds: the stream of events is not open",
} as const;

function Versions() {
  const { mode, version, protocol_version: protocol } = session.value;
  const permitted = mode === "full" ? "full: all that your role permits" : "read-only";
  return (
    <section class="panel" aria-label="This control plane">
      <h2>This control plane</h2>
      <Facts
        facts={[
          ["wsctl", version],
          ["Agents speak", `the communication standard, or wsctl.v1 (version ${protocol})`],
          ["Console", permitted],
          ["Page updates", updateTexts[updates.value]],
        ]}
      />
      <p class="quiet">
        <code>wsctl serve --console full|read-only|off</code> sets what the console may do.
      </p>
    </section>
  );
}

function Documents() {
  return (
    <section class="panel" aria-label="Read on">
      <h2>Read on</h2>
      <ul class="list">
        <li>
          <a class="main" href="api/v1/openapi.json" target="_blank" rel="noreferrer">
            HTTP API as OpenAPI
          </a>
        </li>
        <li>
          <span class="main">Commands and flags</span> <code>wsctl --help</code>
        </li>
        <li>
          <span class="main">Messages of agents</span> <code>wsctl schema</code>
        </li>
        <li>
          <span class="main">What is wrong here</span> <code>wsctl doctor</code>
        </li>
      </ul>
      <p class="quiet">
        The command line can do all of this, and what stays with your keys and files: signed jobs,
        releases, backups.
      </p>
    </section>
  );
}
