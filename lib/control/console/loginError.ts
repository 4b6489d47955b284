/** Why nobody was logged in by the provider: each kind with what a person is told of it. */
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
      "Try again in a moment, or log in with a token. The log of wsctl serve says what went wrong.",
  },
  stale: {
    code: "MALFORMED",
    title: "This login was not begun here, or too long ago",
    advice: "Begin again from the console, in this browser and under the same address.",
  },
  declined: {
    code: "UNAUTHORIZED",
    title: "The OpenID provider did not let you in",
    advice: "Begin again from the console; the provider's own log says why it refused.",
  },
  invalid: {
    code: "UNAUTHORIZED",
    title: "What the OpenID provider said of you does not hold",
    advice: "Begin again from the console. The log of wsctl serve says what was wrong with it.",
  },
  unmapped: {
    code: "FORBIDDEN",
    title: "You have no role here",
    advice:
      "The provider knows you, but nothing that it says of you is granted a role: ask an administrator of wsctl to add --oidc-grant VALUE=ROLE for one of your groups.",
  },
} as const satisfies Record<string, LoginErrorInfo>;

export type LoginErrorCode = keyof typeof loginErrors;

export class LoginError extends Error {
  readonly code: LoginErrorCode;
  /** Who it was, where that is known. */
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
