/** The client of what operators define under a name: templates, saved targets and webhooks. */
import type {
  NewWebhook,
  WebhookRequest,
  WebhookTest,
  WebhookView,
} from "../protocol/api/events.ts";
import type { SavedTargetRequest, SavedTargetView } from "../protocol/api/target.ts";
import type {
  TemplateRequestInput,
  TemplateRunInput,
  TemplateView,
} from "../protocol/api/templates.ts";
import type { AcceptedLine, Page } from "../protocol/api/views.ts";
import type { JobStreams, SendOptions, SubmittedJob } from "./jobStream.ts";
import { segment } from "./request.ts";
import type { Transport } from "./transport.ts";

export class TemplateClient {
  readonly #http: Transport;
  readonly #streams: JobStreams;

  constructor(http: Transport, streams: JobStreams) {
    this.#http = http;
    this.#streams = streams;
  }

  create(template: TemplateRequestInput): Promise<TemplateView> {
    return this.#http.post("/api/v1/templates", template);
  }

  async list(): Promise<TemplateView[]> {
    return (await this.#http.get<Page<TemplateView>>("/api/v1/templates")).items;
  }

  get(name: string): Promise<TemplateView> {
    return this.#http.get(`/api/v1/templates/${segment(name)}`);
  }

  /** Creates the job and follows it to its last outcome. */
  run(name: string, run: TemplateRunInput, options?: SendOptions): Promise<SubmittedJob> {
    return this.#streams.send(run, `/api/v1/templates/${segment(name)}/run`, options);
  }

  /** Creates the job without waiting for its outcomes. */
  runOnly(name: string, run: TemplateRunInput): Promise<AcceptedLine> {
    return this.#streams.sendOnly(run, `/api/v1/templates/${segment(name)}/run`);
  }

  async delete(name: string): Promise<void> {
    await this.#http.fetch(`/api/v1/templates/${segment(name)}`, { method: "DELETE" });
  }
}

export class SavedTargetClient {
  readonly #http: Transport;

  constructor(http: Transport) {
    this.#http = http;
  }

  create(target: SavedTargetRequest): Promise<SavedTargetView> {
    return this.#http.post("/api/v1/saved-targets", target);
  }

  async list(): Promise<SavedTargetView[]> {
    return (await this.#http.get<Page<SavedTargetView>>("/api/v1/saved-targets")).items;
  }

  async delete(name: string): Promise<void> {
    await this.#http.fetch(`/api/v1/saved-targets/${segment(name)}`, { method: "DELETE" });
  }
}

export class WebhookClient {
  readonly #http: Transport;

  constructor(http: Transport) {
    this.#http = http;
  }

  /** Only this response has the secret. */
  create(webhook: WebhookRequest): Promise<NewWebhook> {
    return this.#http.post("/api/v1/webhooks", webhook);
  }

  async list(): Promise<WebhookView[]> {
    return (await this.#http.get<Page<WebhookView>>("/api/v1/webhooks")).items;
  }

  get(name: string): Promise<WebhookView> {
    return this.#http.get(`/api/v1/webhooks/${segment(name)}`);
  }

  /** Sends one event of the type `ping` now. */
  test(name: string): Promise<WebhookTest> {
    return this.#http.post(`/api/v1/webhooks/${segment(name)}/test`);
  }

  async delete(name: string): Promise<void> {
    await this.#http.fetch(`/api/v1/webhooks/${segment(name)}`, { method: "DELETE" });
  }
}
