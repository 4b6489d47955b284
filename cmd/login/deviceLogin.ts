/**
 * A login at the OpenID provider of a control plane, from a terminal: the person confirms a code in
 * any browser, and this process asks until the control plane has the token.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { escapeControls } from "../../lib/escapeControls.ts";
import {
  DeviceLogin,
  deviceLoginPath,
  deviceTokenPath,
} from "../../lib/protocol/api/deviceLogin.ts";
import { NewToken } from "../../lib/protocol/api/tokens.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { ask } from "../../lib/transfer/apiCall.ts";
import { remark } from "../output/stdio.ts";

type Access = Omit<Parameters<typeof ask>[0], "token">;

/**
 * Returns the new token of the person who confirmed the login.
 *
 * @throws {WsctlError} the code of the response, UNREACHABLE, or UNAUTHORIZED after the time limit
 */
export async function deviceLogin(access: Access): Promise<NewToken> {
  const started = await ask(access, "POST", deviceLoginPath, {}, undefined).catch((error) => {
    if (!(error instanceof WsctlError) || error.code !== "UNREACHABLE") throw error;
    const advice = `A private CA needs --ca FILE; "wsctl doctor --server ${access.url}" says more`;
    throw new WsctlError(error.code, `${error.message}. ${advice}`, { cause: error });
  });
  const login = parse(DeviceLogin, started.body, access.url);
  const endsAt = performance.now() + login.expires_in_seconds * 1000;
  showCode(login);
  let isCutOff = false;
  while (performance.now() < endsAt) {
    await sleep(login.interval_seconds * 1000);
    try {
      const body = { login_secret: login.login_secret };
      const answer = await ask(access, "POST", deviceTokenPath, body, undefined);
      if (answer.status === 201) return parse(NewToken, answer.body, access.url);
      isCutOff = false;
    } catch (error) {
      // The control plane keeps the login for a while, so a short interruption does not end it.
      if (!(error instanceof WsctlError) || error.code !== "UNREACHABLE") throw error;
      if (!isCutOff) remark(`${error.message}; trying again`);
      isCutOff = true;
    }
  }
  const advice = "Start it again, and confirm it in the browser in time";
  throw new WsctlError("UNAUTHORIZED", `Cannot log in: this login has expired. ${advice}`);
}

/** The texts are from the provider. */
function showCode(login: DeviceLogin): void {
  const { verification_uri: page, verification_uri_complete: complete } = login;
  const code = escapeControls(login.user_code);
  remark(`Open in any browser: ${escapeControls(complete ?? page)}`);
  remark(
    complete === undefined
      ? `Enter there the code: ${code}`
      : `Confirm there only if it shows the code: ${code}`,
  );
  const minutes = Math.round(login.expires_in_seconds / 60);
  remark(`Waiting for the confirmation, for up to ${Math.max(1, minutes)} min. Ctrl-C cancels.`);
}

function parse<S extends v.GenericSchema>(schema: S, body: unknown, url: string): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  throw new WsctlError("MALFORMED", `Cannot log in: ${url} responded with unknown data`);
}
