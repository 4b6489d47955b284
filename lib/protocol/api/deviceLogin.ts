/** Logins of the command line at an OpenID provider, as the API accepts and shows them. */
import * as v from "valibot";

/** `POST` starts a login: the response is a `DeviceLogin`. */
export const deviceLoginPath = "/api/v1/login/device";

/**
 * `POST` of a `DeviceLoginPoll` asks for the token of a login: the response is 201 with a
 * `NewToken`, or 202 while the person has not confirmed it.
 */
export const deviceTokenPath = "/api/v1/login/device/token";

const secretCharsMax = 128;

export const DeviceLogin = v.object({
  /** The page of the provider, in any browser. */
  verification_uri: v.string(),
  /** The same page with the code filled in. */
  verification_uri_complete: v.exactOptional(v.string()),
  /** What the page must show, or asks for. */
  user_code: v.string(),
  /** Only the client that started the login has it, and so gets the token. */
  login_secret: v.string(),
  expires_in_seconds: v.number(),
  /** How often to ask for the token. */
  interval_seconds: v.number(),
});
export type DeviceLogin = v.InferOutput<typeof DeviceLogin>;

export const DeviceLoginPoll = v.strictObject({
  login_secret: v.pipe(v.string(), v.maxLength(secretCharsMax, "is too long for a login")),
});
export type DeviceLoginPoll = v.InferOutput<typeof DeviceLoginPoll>;
