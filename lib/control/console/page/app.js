/** The console: selects the view, logs in and out, and refreshes the view while it is visible. */
import { get, LoggedOut, post } from "./api.js";
import { visible } from "./format.js";
import { agentsView, jobsView, jobView, wantOlderJobs } from "./views.js";

const pollMs = 3_000;
const byId = (id) => document.getElementById(id);
const sections = ["login", "agents", "jobs", "job"];
let timer;
/** Counts refreshes, so that the result of an earlier one is dropped. */
let turn = 0;
let shown = "";
let show = () => {};

function viewOf(hash) {
  const [, name, id] = /^#\/(agents|jobs)(?:\/(.+))?$/.exec(hash) ?? [];
  if (name === "jobs" && id !== undefined) {
    return { section: "job", load: () => jobView(decodeURIComponent(id)) };
  }
  return name === "jobs"
    ? { section: "jobs", load: jobsView }
    : { section: "agents", load: agentsView };
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  const { section, load } = viewOf(location.hash);
  let next = refresh;
  try {
    const view = await load();
    if (mine !== turn) return;
    show = view.show;
    present(section);
    if (view.isOver) next = watchLogin;
    show();
    say("");
    byId("updated").textContent = `Updated at ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof LoggedOut) return askToLogIn("You are logged out.");
    present(section);
    say(`Cannot update this view: ${error.message}`);
  }
  if (!document.hidden) timer = setTimeout(next, pollMs);
}

/** Checks the session on views that are not refreshed. */
async function watchLogin() {
  const mine = turn;
  const standing = await get("console/login").catch(() => ({ logged_in: true }));
  if (mine !== turn) return;
  if (!standing.logged_in) return askToLogIn("You are logged out.");
  if (!document.hidden) timer = setTimeout(watchLogin, pollMs);
}

function present(section) {
  for (const each of sections) byId(each).hidden = each !== section;
  byId("nav").hidden = section === "login";
  byId("who").hidden = section === "login";
  byId("to-agents").ariaCurrent = section === "agents" ? "page" : null;
  byId("to-jobs").ariaCurrent = section === "jobs" || section === "job" ? "page" : null;
  if (shown !== "" && shown !== section) byId(`${section}-title`).focus();
  shown = section;
}

function say(problem) {
  const text = visible(problem);
  if (byId("problem").textContent !== text) byId("problem").textContent = text;
}

function askToLogIn(problem) {
  clearTimeout(timer);
  turn++;
  for (const id of ["agents-rows", "jobs-rows", "job-rows", "job-facts"])
    byId(id).replaceChildren();
  byId("updated").textContent = "";
  byId("job-title").textContent = "Job";
  say(problem);
  present("login");
}

async function begin() {
  try {
    const standing = await get("console/login");
    byId("oidc").hidden = !standing.oidc;
    if (!standing.logged_in) return askToLogIn("");
    byId("who-text").textContent = visible(`${standing.name} (${standing.role})`);
    await refresh();
  } catch (error) {
    say(`Cannot start the console: ${error.message}`);
    timer = setTimeout(begin, pollMs);
  }
}

byId("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  byId("token").value = "";
  try {
    await post("console/login", { token });
    say("");
    await begin();
  } catch (error) {
    say(`Login failed: ${error.message}`);
    byId("token").focus();
  }
});

byId("logout").addEventListener("click", async () => {
  try {
    await post("console/logout");
    askToLogIn("");
  } catch (error) {
    if (error instanceof LoggedOut) return askToLogIn("");
    say(`Logout failed: ${error.message}`);
  }
});

byId("older").addEventListener("click", () => {
  wantOlderJobs();
  refresh();
});
byId("filter").addEventListener("input", () => show());
addEventListener("hashchange", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && shown !== "login") refresh();
});
begin();
