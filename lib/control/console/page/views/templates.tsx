/** Saved jobs: fill in what a run asks for, and run them. */
import { useState } from "preact/hooks";
import type { TemplateView } from "../../../../protocol/api/templates.ts";
import type { Page } from "../../../../protocol/api/views.ts";
import { TemplateRunForm } from "../forms/templateRunForm.tsx";
import { Empty, Facts, Problem, Skeleton } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { ask } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { creator, targetText, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { href } from "../state/router.ts";
import { may } from "../state/session.ts";

export function TemplatesPage() {
  const { data, error, refresh } = useLive("templates", (signal) =>
    get<Page<TemplateView>>("api/v1/templates", signal),
  );
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Templates</h1>
        {may("jobs.create") && (
          <span class="buttons">
            <a class="button primary" href={href(["run"], { as: "template" })}>
              New template
            </a>
          </span>
        )}
      </div>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data?.items.length === 0 && (
        <Empty title="No templates yet">
          <p>
            A template is a job with a name. On the command line:{" "}
            <code>wsctl templates create free exec --params '{'{"argv":["df","-h"]}'}' --all</code>
          </p>
        </Empty>
      )}
      <ul class="cards">
        {data?.items.map((template) => (
          <Template key={template.name} template={template} refresh={refresh} />
        ))}
      </ul>
    </>
  );
}

function Template({ template, refresh }: { template: TemplateView; refresh: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const { name, description = "", job } = template;
  const path = `api/v1/templates/${encodeURIComponent(name)}`;
  const remove = async () => {
    const text = `${name} cannot be run any more. Its jobs stay.`;
    const title = "Delete this template?";
    if (!(await ask({ title, text, action: "Delete", isDangerous: true }))) return;
    await act({ method: "DELETE", path, done: `Deleted ${name}` });
    refresh();
  };
  return (
    <li class="card">
      <div class="title">
        <h2>{visible(name)}</h2>
        <span class="quiet">{visible(description)}</span>
        {may("jobs.create") && (
          <span class="buttons">
            <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              Run…
            </button>
            <button type="button" class="danger" onClick={remove}>
              Delete
            </button>
          </span>
        )}
      </div>
      <Facts
        facts={[
          ["Command", job.command],
          ["Target", job.target === undefined ? "named by each run" : targetText(job.target)],
          ["Parameters", job.parameters && visible(JSON.stringify(job.parameters))],
          ["By", creator(template)],
        ]}
      />
      {isOpen && <TemplateRunForm template={template} />}
    </li>
  );
}
