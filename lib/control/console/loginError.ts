/** The reasons for which an OpenID login fails, each with its message for the user. */
import type { ErrorCode } from "../../protocol/errors.ts";

interface LoginErrorInfo {
  code: ErrorCode;
  title: string;
  advice: string;
}

export const loginErrors = {
  unreachable: {
    code: "UNAVAILABLE",
    title: "The OpenID provider cannot be reached",
    advice:
      "Try again in a moment, or log in with a token. The log of wsctl serve contains the error.",
  },
  stale: {
    code: "MALFORMED",
    title: "This login has expired or was started elsewhere",
    advice: "Start again from the console, in the same browser and at the same address.",
  },
  declined: {
    code: "UNAUTHORIZED",
    title: "The OpenID provider denied the login",
    advice: "Start again. The log of the provider contains the reason.",
  },
  invalid: {
    code: "UNAUTHORIZED",
    title: "The OpenID provider's ID token is invalid",
    advice: "Start again. The log of wsctl serve contains the reason.",
  },
  expired: {
    code: "UNAUTHORIZED",
    title: "This login has expired",
    advice: "Start again, and confirm the login in the browser in time.",
  },
  unsupported: {
    code: "NOT_FOUND",
    title: "The OpenID provider does not offer logins of the command line",
    advice:
      'Enable the device authorization grant for the client at the provider, or log in with a string of "wsctl tokens create --login".',
  },
  unmapped: {
    code: "FORBIDDEN",
    title: "You have no role",
    advice:
      "You are logged in at the provider, but none of your groups has a role here. Ask an administrator of wsctl to add --oidc-grant VALUE=ROLE for one of your groups.",
  },
} as const satisfies Record<string, LoginErrorInfo>;

export type LoginErrorCode = keyof typeof loginErrors;

export class LoginError extends Error {
  readonly code: LoginErrorCode;
  /** The user, if the provider named one. */
  readonly subject: { issuer: string; subject: string } | undefined;

  constructor(
    kind: LoginErrorCode,
    reason: string,
    options: ErrorOptions & { subject?: { issuer: string; subject: string } } = {},
  ) {
    super(reason, options);
    this.name = "LoginFault";
    this.code = kind;
    this.subject = options.subject;
  }
}
