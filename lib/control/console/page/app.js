/** The console: which view is shown, for whom, and that it stays up to date while it is looked at. */
import { get, LoggedOut, post } from "./api.js";
import { visible } from "./format.js";
import { agentsView, jobsView, jobView, wantOlderJobs } from "./views.js";

const pollMs = 3_000;
const byId = (id) => document.getElementById(id);
const sections = ["login", "agents", "jobs", "job"];
let timer;
/** Counts refreshes: what an earlier one brings is too late. */
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
    byId("updated").textContent = `Up to date at ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof LoggedOut) return askToLogIn("You are logged out.");
    present(section);
    say(`This view is not up to date: ${error.message}`);
  }
  if (!document.hidden) timer = setTimeout(next, pollMs);
}

/** Where nothing changes any more, but for whether somebody may still look at it. */
async function watchLogin() {
  const mine = turn;
  const standing = await get("/console/login").catch(() => ({ logged_in: true }));
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
    const standing = await get("/console/login");
    byId("oidc").hidden = !standing.oidc;
    if (!standing.logged_in) return askToLogIn("");
    byId("who-text").textContent = visible(`${standing.name} (${standing.role})`);
    await refresh();
  } catch (error) {
    say(`The console cannot begin: ${error.message}`);
    timer = setTimeout(begin, pollMs);
  }
}

byId("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  byId("token").value = "";
  try {
    await post("/console/login", { token });
    say("");
    await begin();
  } catch (error) {
    say(`Not logged in: ${error.message}`);
    byId("token").focus();
  }
});

byId("logout").addEventListener("click", async () => {
  try {
    await post("/console/logout");
    askToLogIn("");
  } catch (error) {
    if (error instanceof LoggedOut) return askToLogIn("");
    say(`Not logged out: ${error.message}`);
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
