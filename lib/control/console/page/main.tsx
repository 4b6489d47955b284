/** The console: shows the login or the page that the address names. */
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { Problem, Skeleton } from "./parts/badge.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { Confirmation } from "./parts/confirm.tsx";
import { Questions, Toasts } from "./parts/dialog.tsx";
import { listenForKeys, Overlays } from "./parts/palette.tsx";
import { Shell, shownPages } from "./parts/shell.tsx";
import { applyTheme } from "./parts/theme.ts";
import { Unreachable } from "./state/api.ts";
import { followEvents } from "./state/events.ts";
import { connection, poll } from "./state/live.ts";
import { focusNewPages, route } from "./state/router.ts";
import { endSession, readSession, session } from "./state/session.ts";
import { AgentPage } from "./views/agent.tsx";
import { AgentsPage } from "./views/agents.tsx";
import { ApprovalsPage } from "./views/approvals.tsx";
import { ArtifactsPage } from "./views/artifacts.tsx";
import { AuditPage } from "./views/audit.tsx";
import { ClusterPage } from "./views/cluster.tsx";
import { JobPage } from "./views/job.tsx";
import { JobsPage } from "./views/jobs.tsx";
import { LoginPage } from "./views/login.tsx";
import { OverviewPage } from "./views/overview.tsx";
import { RunPage } from "./views/run.tsx";
import { SchedulesPage } from "./views/schedules.tsx";
import { SettingsPage } from "./views/settings.tsx";
import { TargetsPage } from "./views/targets.tsx";
import { TemplatesPage } from "./views/templates.tsx";
import { TokensPage } from "./views/tokens.tsx";
import { WebhooksPage } from "./views/webhooks.tsx";

const views: Record<string, () => preact.JSX.Element> = {
  overview: OverviewPage,
  agents: AgentsPage,
  jobs: JobsPage,
  run: RunPage,
  approvals: ApprovalsPage,
  schedules: SchedulesPage,
  templates: TemplatesPage,
  targets: TargetsPage,
  artifacts: ArtifactsPage,
  tokens: TokensPage,
  webhooks: WebhooksPage,
  audit: AuditPage,
  cluster: ClusterPage,
  settings: SettingsPage,
};

function Body() {
  const [section = "overview", id] = route.value.path;
  const page = shownPages().find(({ path }) => path === section);
  const title = id === undefined ? page?.title : { agents: "Agent", jobs: "Job" }[section];
  useEffect(() => {
    document.title = title === undefined ? "wsctl" : `${title} · wsctl`;
  }, [title]);
  if (page === undefined) {
    const text = "This page does not exist, or your role does not permit it.";
    return (
      <>
        <h1 tabIndex={-1}>Not found</h1>
        <Problem text={text} />
      </>
    );
  }
  if (section === "agents" && id !== undefined) return <AgentPage key={id} id={id} />;
  if (section === "jobs" && id !== undefined) return <JobPage key={id} id={id} />;
  const View = views[section] ?? OverviewPage;
  return <View />;
}

const sessionMs = 4_000;

/** Pages that read nothing any more also end with the session. */
function useSessionWatch(isIn: boolean): void {
  useEffect(() => {
    if (!isIn) return undefined;
    const watch = poll<void>({
      everyMs: sessionMs,
      load: readSession,
      isOver: () => false,
      onData: () => {
        if (session.peek().is === "out") endSession("You are logged out.");
      },
      onError: () => {},
    });
    const stopEvents = followEvents();
    return () => {
      watch.stop();
      stopEvents();
    };
  }, [isIn]);
}

function App() {
  const { is } = session.value;
  useSessionWatch(is === "in");
  if (is === "starting") {
    const isAway = connection.value.is === "reconnecting";
    return isAway ? <p class="starting">wsctl: reconnecting…</p> : <Skeleton />;
  }
  if (is === "out") return <LoginPage />;
  return (
    <>
      <Shell>
        <Boundary key={route.value.path.join("/")}>
          <Body />
        </Boundary>
      </Shell>
      <Overlays />
      <Questions />
      <Confirmation />
      <Toasts />
    </>
  );
}

const retryMs = 1_000;

async function begin(): Promise<void> {
  try {
    await readSession();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    connection.value = { is: "reconnecting", since: Date.now() };
    setTimeout(begin, retryMs);
  }
}

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  applyTheme();
  listenForKeys();
  focusNewPages();
  render(<App />, root);
  void begin();
}
