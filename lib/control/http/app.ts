/**
 * The Hono application: the agents' WebSocket, the API, the console and the health checks. All API
 * routes are in a table with their permissions; all errors take one path.
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import type { Log } from "../../log/log.ts";
import { rateLimitedLog } from "../../log/rateLimitedLog.ts";
import type { ErrorBody } from "../../protocol/api/views.ts";
import { type ErrorCode, errorCodes, errorText, WsctlError } from "../../protocol/errors.ts";
import { bodyBytesMax } from "../../protocol/limits.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { describeActor } from "../api/actor.ts";
import type { ClusterSeat } from "../api/clusterSeat.ts";
import type { PublicAddress } from "../api/publicAddress.ts";
import { parseBody, type Route, readText } from "../api/route.ts";
import type { ArtifactService } from "../artifacts/artifactService.ts";
import { LocalStore } from "../artifacts/localStore.ts";
import { addTransferRoutes } from "../artifacts/transferRoutes.ts";
import { RefusalLog, withAudit } from "../audit/auditRequest.ts";
import { Authenticator } from "../auth/authenticator.ts";
import { Authority } from "../auth/authority.ts";
import type { ClientAddresses } from "../auth/clientAddress.ts";
import { TooManyFailures } from "../auth/failedAttempts.ts";
import type { HostAuthentication, HostUser } from "../auth/hostUser.ts";
import { openLoginSessions } from "../auth/logins/loginSessions.ts";
import { type Permission, permits, rolesWith } from "../auth/permissions.ts";
import type { Revocations } from "../auth/revocation.ts";
import { Console, type ConsoleSettings } from "../console/console.ts";
import { addDeviceRoutes } from "../console/oidc/deviceRoutes.ts";
import { OidcProvider } from "../console/oidc/oidcProvider.ts";
import { protectResponse } from "../console/securityHeaders.ts";
import { AgentScope } from "../core/agents/agentScope.ts";
import type { Engine } from "../engine/engine.ts";
import type { EventLog } from "../events/eventLog.ts";
import type { WebhookSender } from "../events/webhookSender.ts";
import type { JobSubmitter } from "../jobs/submitJob.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { addAgentRoute } from "../link/agentEndpoint.ts";
import type { DescriptorReserve } from "../link/descriptorReserve.ts";
import type { ControlMetrics } from "../metrics/prometheus.ts";
import type { Scheduler } from "../schedules/scheduler.ts";
import { OperatorSessions } from "../session/operatorSessions.ts";
import type { AllowedHosts } from "./allowedHosts.ts";
import { pathReader } from "./basePath.ts";
import { countRequests } from "./countRequests.ts";
import { assertNoBody, assertNoTokenInUrl, assertSameOrigin } from "./requestChecks.ts";
import { routes } from "./routes.ts";

export interface AppOptions {
  engine: Engine;
  jobs: JobSubmitter;
  artifacts: ArtifactService;
  metrics: ControlMetrics;
  events: EventLog;
  webhooks: WebhookSender;
  revocations: Revocations;
  scheduler: Scheduler;
  hosts: AllowedHosts;
  addresses: ClientAddresses;
  /** The paths of public URLs, without a slash at the end. */
  basePaths: readonly string[];
  descriptors: DescriptorReserve;
  /** Called for each request, because the port is known only after the server listens. */
  publicAddress: () => PublicAddress;
  /** Whether an administrator must approve agents that join. */
  approveAgents: boolean;
  dataDir: string;
  /** The place of this control plane in a cluster. */
  seat: ClusterSeat | undefined;
  /** Adds routes of its own. */
  extend?: ((app: Hono) => void) | undefined;
  console: ConsoleSettings;
  /** Identifies people of the program that this control plane is a part of. */
  authenticate?: HostAuthentication;
  /** Whether this control plane terminates TLS itself. */
  isTls: boolean;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

/** @throws {WsctlError} FORBIDDEN, UNAUTHORIZED */
export function createApp(options: AppOptions): Hono {
  const { engine, jobs, artifacts, metrics, events, webhooks, addresses, runtime, clock } = options;
  // Unauthenticated clients can trigger these messages.
  const log = rateLimitedLog(options.log, clock);
  const { tokens, controlId, audit } = engine.journal;
  const sessions = openLoginSessions(options.console, options.dataDir, options.log);
  sessions.onEnd((sessionId) => engine.responseStreams.end(sessionId));
  const access = new Authenticator({ tokens, controlId, logins: sessions, clock });
  const refusalLog = new RefusalLog(audit, clock, log);
  const operatorSessions = new OperatorSessions({ refusals: refusalLog, runtime, clock });
  const {
    console: settings,
    isTls,
    publicAddress,
    revocations,
    scheduler,
    approveAgents,
    dataDir,
  } = options;
  const provider = settings.oidc && new OidcProvider(settings.oidc, runtime);
  const consoleOptions = {
    settings,
    logins: sessions,
    authenticator: access,
    refusals: refusalLog,
    ...{ audit, tokens, revocations, isTls, publicAddress, addresses, provider, clock, log },
  };
  const webConsole = new Console(consoleOptions);
  /** Runs a check. A rejection is recorded in the audit trail before it is thrown. */
  const recordRefusal = <T>(
    route: Route,
    who: { address: string; token?: StoredToken },
    check: () => T,
  ) => {
    try {
      return check();
    } catch (error) {
      // Rate-limited attempts are not recorded again.
      if (!(error instanceof WsctlError) || error instanceof TooManyFailures) throw error;
      const { address, token } = who;
      const actor = token === undefined ? {} : describeActor(token);
      const action = route.action ?? `${route.method} ${route.path}`;
      refusalLog.record({ address, ...actor, code: error.code, action });
      throw error;
    }
  };
  const authorize = (route: Route, c: Context, address: string, hostUser?: HostUser) => {
    const who: { address: string; token?: StoredToken } = { address };
    return recordRefusal(route, who, () => {
      const authorization = c.req.header("authorization");
      const login = webConsole.findLogin(c, route);
      const credentials = { authorization, login, hostUser, address, purpose: "call" } as const;
      const token = access.identify(credentials);
      who.token = token;
      if (!permits(token.role, route.permission)) throw forbidden(route.permission);
      if (token.state !== "active") {
        throw new WsctlError("FORBIDDEN", closeCodes[token.state].meaning);
      }
      const subject = { authenticator: access, token, login, hostUser, address };
      return { token, authority: new Authority(subject) };
    });
  };
  /** Runs a route: the same steps for every route. */
  const handleRoute = async (route: Route, c: Context): Promise<Response> => {
    const address = addresses.find(c);
    const hasToken = c.req.header("authorization") !== undefined;
    const hostUser = hasToken ? undefined : await options.authenticate?.(c.req.raw);
    const { token, authority } = authorize(route, c, address, hostUser);
    const text = route.body === undefined ? "" : await readText(c);
    recordRefusal(route, { address, token }, () => authority.require());
    const body = route.body === undefined ? undefined : parseBody(text, route.body);
    const now = clock.wall();
    const response = await withAudit(route, {
      c,
      body,
      authority,
      address,
      token,
      scope: new AgentScope(token),
      publicAddress: publicAddress(),
      resource: {},
      now,
      engine,
      jobs,
      artifacts,
      metrics,
      events,
      operatorSessions,
      webhooks,
      revocations,
      scheduler,
      approveAgents,
      dataDir,
      seat: options.seat,
      log: options.log,
    });
    if (!hidesUntilAuthorized(route) || authority.isValid) return response;
    response.body?.cancel().catch(() => {});
    return recordRefusal(route, { address, token }, () => {
      throw new WsctlError("UNAUTHORIZED", errorCodes.UNAUTHORIZED.meaning);
    });
  };
  const app = new Hono({ getPath: pathReader(options.basePaths) });
  app.use(countRequests(metrics.http));
  app.use(async (c, next) => {
    await next();
    // Not `c.header`, which copies an existing response and turns its body into a stream.
    const { headers } = c.res;
    headers.set("Cache-Control", "no-store");
    protectResponse(headers);
  });
  app.use(async (c, next) => {
    assertNoTokenInUrl(c);
    assertSameOrigin(c, options, webConsole);
    await next();
  });
  app.get("/healthz", (c) => c.json({ status: "ok", time: timestamp(clock.wall()) }));
  app.get("/readyz", (c) => {
    const reason = engine.unready;
    return reason === undefined
      ? c.json({ status: "ready" })
      : c.json({ status: "not ready", reason }, 503);
  });
  for (const base of options.basePaths.filter((each) => each !== "")) {
    // The files of the page are relative to it.
    app.get(base, (c) => c.redirect(`${base}/`));
  }
  webConsole.addTo(app);
  addAgentRoute(app, { ...options, authenticator: access, refusals: refusalLog, log });
  if (artifacts.store instanceof LocalStore) {
    const { store } = artifacts;
    const credentials = { tokens, logins: sessions };
    addTransferRoutes(app, {
      authenticate: options.authenticate,
      ...{ artifacts, store, credentials, streams: engine.responseStreams, runtime },
      now: () => clock.wall(),
    });
  }
  app.use("/api/*", bodyLimit({ maxSize: bodyBytesMax, onError: () => assertNoBody() }));
  addDeviceRoutes(app, consoleOptions);
  for (const route of routes) {
    app.on(route.method, route.path, (c) => handleRoute(route, c));
  }
  options.extend?.(app);
  app.notFound((c) => answer(c, "NOT_FOUND", "Not found. The API is below /api/v1/"));
  app.onError((error, c) => {
    if (error instanceof TooManyFailures) c.header("Retry-After", String(error.retrySeconds));
    if (error instanceof WsctlError) return answer(c, error.code, error.message);
    if (error instanceof HTTPException) return error.getResponse();
    // The client's fault: the body was cut off or does not match its headers.
    if (error.name === "AbortError") return answer(c, "MALFORMED", "Cannot read the body");
    const reason = error.stack || errorText(error) || error.name;
    log.error("request failed", { path: c.req.path, reason });
    return answer(c, "INTERNAL", errorCodes.INTERNAL.meaning);
  });
  return app;
}

/** The response may be ready only after the authority was checked, so it is checked again. */
function hidesUntilAuthorized({ method, outlives }: Route): boolean {
  return method === "GET" || outlives === true;
}

function forbidden(permission: Permission): WsctlError {
  const able = rolesWith(permission).map((role) => `"${role}"`);
  return new WsctlError("FORBIDDEN", `Requires a token of the role ${able.join(" or ")}`);
}

function answer(c: Context, code: ErrorCode, message: string): Response {
  const status = errorCodes[code].http;
  const body: ErrorBody = { title: code, status, detail: message, error: { code, message } };
  if (code === "UNAUTHORIZED") c.header("WWW-Authenticate", "Bearer");
  // The rest of the body is not read, so the connection cannot be reused.
  if (code === "TOO_LARGE") c.header("Connection", "close");
  return c.json(body, status, { "Content-Type": "application/problem+json" });
}
