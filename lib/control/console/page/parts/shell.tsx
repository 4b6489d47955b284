/** The frame around every page: navigation, search, connection, theme and the user. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { updates } from "../state/events.ts";
import { visible } from "../state/format.ts";
import { connection, updatedAt } from "../state/live.ts";
import { href, route } from "../state/router.ts";
import { can, logOut, may, session } from "../state/session.ts";
import { say } from "./dialog.tsx";
import { pages } from "./pages.ts";
import { openPalette } from "./palette.tsx";
import { switchTheme, theme, themes } from "./theme.ts";

export function Shell({ children }: { children: ComponentChildren }) {
  const [section = "overview"] = route.value.path;
  const [isOpen, setOpen] = useState(false);
  // A page that was chosen in the menu of a phone is what should be seen.
  useEffect(() => setOpen(false), [route.value.path.join("/")]);
  return (
    <div class="shell">
      <header class={isOpen ? "open" : ""}>
        <a class="skip" href={location.hash} onClick={toMain}>
          Skip to the content
        </a>
        <a class="brand" href={href(["overview"])}>
          wsctl
        </a>
        <button
          type="button"
          class="menu"
          aria-expanded={isOpen}
          aria-controls="pages"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
        <nav id="pages" aria-label="Pages">
          {shownPages().map(({ path, title, key }) => (
            <a
              key={path}
              href={href([path])}
              title={`Press g, then ${key}`}
              aria-current={section === path ? "page" : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
        <div class="tools">
          <button type="button" class="find" onClick={openPalette}>
            Search <kbd>Ctrl K</kbd>
          </button>
          <span class="row">
            <Connection />
            <ThemeSwitch />
          </span>
          <span class="who">
            {visible(`${session.value.name ?? ""} (${session.value.role ?? ""})`)}
          </span>
          {session.value.mode === "read-only" && <span class="label">read-only</span>}
          <button
            type="button"
            class="logout"
            onClick={() => logOut().catch((error) => say(error.message, { isBad: true }))}
          >
            Log out
          </button>
        </div>
      </header>
      <main>{children}</main>
    </div>
  );
}

export function shownPages() {
  return pages.filter(({ permission, isAction }) => (isAction ? may : can)(permission));
}

function toMain(event: Event) {
  event.preventDefault();
  document.querySelector<HTMLElement>("main h1")?.focus();
}

function Connection() {
  const { is, since } = connection.value;
  const isLive = is === "live";
  const last = updatedAt.value === 0 ? "" : new Date(updatedAt.value).toLocaleTimeString();
  return (
    <span class={`connection ${is}`} role="status" title={`Last answer: ${last}`}>
      <span aria-hidden="true">{isLive ? "●" : "◌"}</span>
      {isLive
        ? updates.value === "streaming"
          ? "live"
          : "live, by polling"
        : `reconnecting since ${new Date(since).toLocaleTimeString()}`}
    </span>
  );
}

function ThemeSwitch() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? "system";
  return (
    <button
      type="button"
      aria-label={`Theme: ${theme.value}. Switch to ${next}`}
      title={`Theme: ${theme.value}`}
      onClick={() => switchTheme(next)}
    >
      <span aria-hidden="true">{{ system: "◑", light: "☀", dark: "☾" }[theme.value]}</span>
    </button>
  );
}
