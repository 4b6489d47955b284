/**
 * Actions: what the page changes goes through `act`, which says how it ended. New tokens and
 * approvals ask for the token again if the login is not a fresh one.
 */
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call, LoggedOut } from "../state/api.ts";
import { refreshFleet } from "../state/fleet.ts";
import { counted } from "../state/format.ts";
import { confirmLogin, endSession, isConfirmed, session } from "../state/session.ts";
import { Problem } from "./badge.tsx";
import { ask, Dialog, say } from "./dialog.tsx";

const waiting = signal<((isConfirmed: boolean) => void) | undefined>(undefined);

export interface Action {
  method?: "POST" | "DELETE";
  path: string;
  body?: unknown;
  /** What is said when it has worked. */
  done?: string;
  isSensitive?: boolean;
  headers?: Record<string, string>;
}

/** Sends the action; undefined if it did not work, which has been said. */
export async function act<T = unknown>(action: Action): Promise<T | undefined> {
  const { method = "POST", path, body, done, isSensitive = false, headers } = action;
  try {
    if (isSensitive && !(await isConfirmed()) && !(await confirm())) return undefined;
    const result = await call<T>(method, path, body, headers);
    if (done !== undefined) say(done);
    refreshFleet();
    return result ?? ({} as T);
  } catch (error) {
    if (error instanceof LoggedOut) endSession("You are logged out.");
    else say((error as Error).message, { isBad: true });
    return undefined;
  }
}

/** As `wsctl send --confirm-above`. */
export const confirmAbove = 20;

/** Asks before a command runs on many agents. */
export async function confirmAgents(command: string, count: number): Promise<boolean> {
  if (count <= confirmAbove) return true;
  const title = `Run ${command} on ${counted(count, "agent")}?`;
  const text =
    "The agents are those of the preview. Others that the target selects by then make wsctl refuse the job.";
  return ask({ title, text, action: "Run" });
}

function confirm(): Promise<boolean> {
  return new Promise((resolve) => {
    waiting.value = (isDone) => {
      waiting.value = undefined;
      resolve(isDone);
    };
  });
}

export function Confirmation() {
  const answer = waiting.value;
  const [problem, setProblem] = useState("");
  const [token, setToken] = useState("");
  if (answer === undefined) return null;
  const close = (isDone: boolean) => {
    setToken("");
    setProblem("");
    answer(isDone);
  };
  const hasToken = session.value.by === "token";
  return (
    <Dialog title="Confirm that it is you" onClose={() => close(false)}>
      <h2>Confirm that it is you</h2>
      {!hasToken ? (
        <p>This needs a login of the last minutes. Log out, log in again, and repeat it.</p>
      ) : (
        <form
          onSubmit={async (event) => {
            event.preventDefault();
            try {
              await confirmLogin(token.trim());
              close(true);
            } catch (error) {
              setProblem((error as Error).message);
            }
          }}
        >
          <p>Enter the token that you logged in with.</p>
          <label>
            Token
            <input
              type="password"
              autocomplete="off"
              required
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          </label>
          <Problem text={problem} />
          <p class="buttons">
            <button type="button" onClick={() => close(false)}>
              Cancel
            </button>
            <button type="submit" class="primary">
              Confirm
            </button>
          </p>
        </form>
      )}
    </Dialog>
  );
}
