/** Limits of logins of people: at the console, and at an OpenID provider. */

/** Console sessions at a time: per token or user, whose oldest session then ends, and in total. */
export const loginsPerSubjectMax = 16;
export const loginsMax = 1_000;

/** How long an OpenID login may take. */
export const oidcLoginMs = 10 * 60 * 1000;

/** Completed OpenID logins whose state is remembered to prevent replay. */
export const oidcUsedStatesMax = 10_000;

/** Timeout of a response from the OpenID provider, and the number of concurrent logins. */
export const oidcTimeoutMs = 10_000;
export const oidcConcurrentRequestsMax = 32;

/**
 * Logins of the command line at the OpenID provider that wait at a time: from one address, and in
 * total.
 */
export const deviceLoginsPerAddressMax = 10;
export const deviceLoginsMax = 500;

/** How long such a login may take, and how long it waits for a client that no longer asks. */
export const deviceLoginMs = 15 * 60 * 1000;
export const deviceLoginIdleMs = 60_000;

/**
 * How soon an unreachable provider is tried again. A discovered configuration is kept for an hour.
 */
export const oidcRetryMs = 2_000;
export const oidcCacheMs = 60 * 60 * 1000;
