/** The HTTP route that streams events. */
import { type EventType, eventTypes } from "../../protocol/api/events.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { isTimestamp, normalTimestamp } from "../../protocol/timestamp.ts";
import { EventStream, positionText } from "../events/eventStream.ts";
import { visibleEntries } from "../events/eventVisibility.ts";
import { SessionStream } from "../streams/sessionStream.ts";
import { type Route, type RouteContext, readNumber } from "./route.ts";

export const eventRoutes: Route[] = [
  {
    method: "GET",
    path: "/api/v1/events",
    permission: "events.read",
    outlives: true,
    handle: stream,
  },
];

/**
 * Streams the events after `Last-Event-ID`, or `?after=`, a sequence, or since `?since=`, a time;
 * without any of these, new ones. `?types=` selects types, separated by commas. A restricted token
 * gets the events of what it sees.
 */
function stream({ c, engine, events, token, scope, authority }: RouteContext): Response {
  const most = Number.MAX_SAFE_INTEGER;
  const after = readNumber(c, "after", { least: 0, most, otherwise: events.head });
  if (after > events.head) {
    const text = `Query parameter "after" is ${after}, but the log ends at entry ${events.head}`;
    throw new WsctlError("MALFORMED", `${text}: it is another log, or an older copy`);
  }
  const last = c.req.header("last-event-id");
  const given = c.req.query("since");
  if (given !== undefined && !isTimestamp(given)) {
    throw new WsctlError("MALFORMED", 'Query parameter "since" must be a time in ISO 8601 and UTC');
  }
  const since = given === undefined ? undefined : normalTimestamp(given);
  const isResumed = last !== undefined && /^\d{1,15}$/.test(last);
  const begin = since === undefined || c.req.query("after") ? after : events.before(since);
  const from = isResumed ? Number(last) : begin;
  const types = readTypes(c.req.query("types"));
  const isVisible = visibleEntries(engine, token, scope);
  const source = new EventStream(events, from, { types, since, isVisible });
  const bound = authority.isSession ? new SessionStream(source, () => authority.isOpen) : source;
  const first = positionText(from);
  const body = engine.responseStreams.open(token.tokenId, bound, first, authority.isValid);
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}

function readTypes(text: string | undefined): ReadonlySet<EventType> | undefined {
  if (text === undefined) return undefined;
  const names = text.split(",");
  const wrong = names.find((name) => !eventTypes.some((type) => type === name));
  if (wrong === undefined) return new Set(names as EventType[]);
  const rule = `some of ${eventTypes.join(", ")}`;
  throw new WsctlError("MALFORMED", `Query parameter "types" has "${wrong}": expected ${rule}`);
}
