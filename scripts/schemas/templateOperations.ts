/** What the routes of templates and saved targets answer. */
import { SavedTargetView } from "../../lib/protocol/api/target.ts";
import { TemplateView } from "../../lib/protocol/api/templates.ts";
import { made } from "./answers.ts";
import { accepted, gone, idempotencyKey, type Operation, ok, output } from "./operation.ts";

export const templateOperations: Readonly<Record<string, Operation>> = {
  "POST /api/v1/templates": {
    id: "createTemplate",
    summary: "Save a job under a name",
    answers: [{ status: 201, what: "The template", schema: TemplateView }],
  },
  "GET /api/v1/templates": {
    id: "listTemplates",
    summary: "List templates",
    answers: ok(made.TemplatePage, "All templates"),
  },
  "GET /api/v1/templates/:name": {
    id: "getTemplate",
    summary: "Show a template",
    answers: ok(TemplateView, "The template"),
  },
  "POST /api/v1/templates/:name/run": {
    id: "runTemplate",
    summary: "Create the job of a template",
    answers: accepted,
    parameters: [idempotencyKey, output],
  },
  "POST /api/v1/templates/:name/trigger": {
    id: "triggerTemplate",
    summary: "Create the job of a template for another program; the query has parameters",
    answers: accepted,
    parameters: [idempotencyKey],
  },
  "DELETE /api/v1/templates/:name": {
    id: "deleteTemplate",
    summary: "Delete a template",
    answers: gone,
  },
  "POST /api/v1/saved-targets": {
    id: "saveTarget",
    summary: "Save a selector under a name",
    answers: [{ status: 201, what: "The saved target", schema: SavedTargetView }],
  },
  "GET /api/v1/saved-targets": {
    id: "listSavedTargets",
    summary: "List saved targets",
    answers: ok(made.SavedTargetPage, "All saved targets"),
  },
  "DELETE /api/v1/saved-targets/:name": {
    id: "deleteSavedTarget",
    summary: "Delete a saved target",
    answers: gone,
  },
};
