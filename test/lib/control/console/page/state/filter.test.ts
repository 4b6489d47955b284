/** How the list of agents is filtered. */
import { expect, test } from "bun:test";
import {
  chipsOf,
  filterAgents,
  joinSelectors,
} from "../../../../../../lib/control/console/page/state/filter.ts";
import type { AgentView } from "../../../../../../lib/protocol/api/views.ts";

function agent(agent_id: string, more: Partial<AgentView> = {}): AgentView {
  return { agent_id, online: true, access: "active", open_requests: 0, ...more };
}

const agents = [
  agent("web-1", { labels: { env: "prod", role: "web" }, version: "1.0.0" }),
  agent("web-2", { labels: { env: "staging", role: "web" }, online: false }),
  agent("db-1", { labels: { env: "prod", role: "db" }, drained: true, hostname: "vault" }),
];

test.each([
  [{}, ["web-1", "web-2", "db-1"]],
  [{ text: "web" }, ["web-1", "web-2"]],
  [{ text: "WEB prod" }, ["web-1"]],
  [{ text: "vault" }, ["db-1"]],
  [{ text: "env=prod" }, ["web-1", "db-1"]],
  [{ text: "role in (web),env!=prod" }, ["web-2"]],
  [{ text: "version=1.*" }, ["web-1"]],
  [{ text: "web", selectors: ["env=prod"] }, ["web-1"]],
  [{ selectors: ["env=prod", "role=db or role=cache"] }, ["db-1"]],
  [{ state: "offline" }, ["web-2"]],
  [{ state: "drained" }, ["db-1"]],
  [{ text: "!constructor" }, ["web-1", "web-2", "db-1"]],
])("%j finds %j", (filter, ids) => {
  const { found, error } = filterAgents(agents, { text: "", selectors: [], state: "", ...filter });
  expect({ ids: found.map(({ agent_id }) => agent_id), error }).toEqual({ ids, error: "" });
});

test("a selector that is wrong says where", () => {
  const { error } = filterAgents(agents, { text: "env=prod,(", selectors: [], state: "" });
  expect(error).toMatch(/Cannot parse .* in selector/);
});

test.each([
  ["", []],
  ["env=prod", ["env=prod"]],
  ["env=prod, role in (web,api) and !canary", ["env=prod", "role in (web,api)", "!canary"]],
  ["env=prod or env=staging", ["(env=prod or env=staging)"]],
  ["not (a=b),x!=y", ["not (a=b)", "x!=y"]],
])("the chips of %j are %j, which together mean the same", (text, chips) => {
  expect(chipsOf(text)).toEqual(chips);
  expect(chipsOf(joinSelectors(chips))).toEqual(chips);
});
