/** Tokens as the API accepts and shows them. */
import * as v from "valibot";
import { isAddressRange } from "../addressRange.ts";
import { LabelSet } from "../labels.ts";
import { AgentId, CommandName, OperatorName, ResourceName } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { ScopeText } from "./selector.ts";

/**
 * `viewer` reads; `operator` also sends commands; `admin` may do everything; `metrics` reads only
 * the metrics of the control plane; `trigger` only starts the job of one template; `agent` connects
 * as one agent; `join` registers the key of one agent; `login` is exchanged for another token.
 */
export const roles = [
  ...(["admin", "operator", "viewer", "metrics", "trigger"] as const),
  ...(["agent", "join", "login"] as const),
] as const;
export type Role = (typeof roles)[number];

export const tokenSecondsMax = 10 * 365 * 24 * 60 * 60;
const joinSecondsDefault = 60 * 60;
export const joinSecondsMax = 30 * 24 * 60 * 60;
export const joinUsesMax = 1_000;
const listMax = 100;

/** An address, or a range such as `10.0.0.0/8` (CIDR, RFC 4632). */
const AddressRange = v.pipe(
  v.string("must be a string"),
  v.check(isAddressRange, 'must be an address or a range such as "10.0.0.0/8"'),
);

function seconds(most: number) {
  const rule = `must be a number from 1 to ${most}`;
  return v.pipe(v.number(rule), v.minValue(1, rule), v.maxValue(most, rule));
}

function list<S extends v.GenericSchema>(item: S) {
  const rule = `must be a list of 1 to ${listMax}`;
  return v.pipe(v.array(item, rule), v.minLength(1, rule), v.maxLength(listMax, rule));
}

const common = {
  /** The only client addresses that may use it. */
  addresses: v.optional(list(AddressRange)),
  expires_in_seconds: v.optional(seconds(tokenSecondsMax)),
};

/** The person or the program that the token is for. */
const named = { name: v.optional(OperatorName) };

/** Tokens of people and programs that use the API. */
const personTokens = [
  v.strictObject({ role: v.picklist(["admin", "metrics"]), ...named, ...common }),
  v.strictObject({ role: v.literal("trigger"), template: ResourceName, ...named, ...common }),
  v.strictObject({
    role: v.picklist(["operator", "viewer"]),
    ...named,
    /** The commands that it may run; all if absent. */
    commands: v.optional(list(CommandName)),
    /** A selector of the agents that it may target and see; all if absent. */
    target: v.optional(ScopeText),
    ...common,
  }),
] as const;
const PersonToken = v.variant("role", [...personTokens]);
export type PersonToken = v.InferOutput<typeof PersonToken>;

/** `POST /api/v1/tokens`. */
export const TokenRequest = v.variant(
  "role",
  [
    ...personTokens,
    v.strictObject({
      role: v.literal("login"),
      /** The token that the login string is exchanged for, once. */
      token: PersonToken,
      expires_in_seconds: v.optional(seconds(joinSecondsMax), joinSecondsDefault),
      addresses: common.addresses,
    }),
    v.strictObject({
      role: v.literal("agent"),
      agent_id: AgentId,
      labels: v.optional(LabelSet),
      ...common,
    }),
    v.strictObject({
      role: v.literal("join"),
      ...named,
      /** The only agent that may use it; any new agent if absent. */
      agent_id: v.optional(AgentId),
      labels: v.optional(LabelSet),
      uses: v.optional(
        v.pipe(
          v.number(),
          v.integer("must be a whole number"),
          v.minValue(1, "must be at least 1"),
          v.maxValue(joinUsesMax, `must be at most ${joinUsesMax}`),
        ),
        1,
      ),
      addresses: common.addresses,
      expires_in_seconds: v.optional(seconds(joinSecondsMax), joinSecondsDefault),
    }),
  ],
  'must have a "role": "admin", "operator", "viewer", "metrics", "trigger" (with "template"), "agent" (with "agent_id"), "join" or "login" (with "token")',
);
export type TokenRequest = v.InferOutput<typeof TokenRequest>;
export type TokenRequestInput = v.InferInput<typeof TokenRequest>;

export const TokenView = v.object({
  token_id: v.string(),
  role: v.picklist(roles),
  /**
   * `key`: an agent's key pair, of which only the public key is stored. `oidc`: not a token, but a
   * user of an OpenID provider, with the id `ISSUER#SUBJECT`.
   */
  kind: v.picklist(["bearer", "key", "oidc"]),
  /** `pending`: needs approval. `fenced`: was used from two places. */
  state: v.picklist(["active", "pending", "fenced", "expired", "used", "revoked"]),
  name: v.exactOptional(v.string()),
  agent_id: v.exactOptional(v.string()),
  labels: v.exactOptional(LabelSet),
  commands: v.exactOptional(v.array(v.string())),
  target: v.exactOptional(v.string()),
  template: v.exactOptional(v.string()),
  addresses: v.exactOptional(v.array(v.string())),
  uses_left: v.exactOptional(v.number()),
  expires_at: v.exactOptional(Timestamp),
  created_at: Timestamp,
  created_by: v.string(),
  revoked_at: v.exactOptional(Timestamp),
});
export type TokenView = v.InferOutput<typeof TokenView>;

/** The only response that contains a token's secret. */
export const NewToken = v.object({
  ...TokenView.entries,
  token: v.string(),
  /** For a `join` token: the join string for `wsctl agent --join`, if the public URL is known. */
  join: v.exactOptional(v.string()),
  /** For a `login` token: the login string for `wsctl login`. */
  login: v.exactOptional(v.string()),
});
export type NewToken = v.InferOutput<typeof NewToken>;
