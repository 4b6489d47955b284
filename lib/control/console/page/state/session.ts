/** Who is logged in, what the role permits, and how to log in and out. */
import { signal } from "@preact/signals";
import type { Permission } from "../../../auth/permissions.ts";
import type { LoginView } from "../../tokenLogin.ts";
import { call, get, LoggedOut } from "./api.ts";

export type Standing = LoginView & { is: "starting" | "out" | "in" };

export const session = signal<Standing>({ is: "starting", logged_in: false, oidc: false });

/** Why the login page is shown. */
export const loginNotice = signal("");

/** Called when a session ends, so that nothing of the fleet stays in memory. */
const enders = new Set<() => void>();

export function onLogout(end: () => void): void {
  enders.add(end);
}

/** Asks the control plane who is logged in. */
export async function readSession(): Promise<void> {
  const view = await get<LoginView>("console/login");
  session.value = { ...view, is: view.logged_in ? "in" : "out" };
  if (view.logged_in) loginNotice.value = "";
}

export function endSession(notice: string): void {
  const { oidc, mode } = session.peek();
  const after: Standing = { is: "out", logged_in: false, oidc };
  session.value = mode === undefined ? after : { ...after, mode };
  loginNotice.value = notice;
  for (const end of enders) end();
}

export async function logIn(token: string): Promise<void> {
  await call("POST", "console/login", { token });
  await readSession();
}

export async function logOut(): Promise<void> {
  try {
    await call("POST", "console/logout");
  } catch (error) {
    if (!(error instanceof LoggedOut)) throw error;
  }
  endSession("");
}

/** Whether the role permits this. */
export function can(permission: Permission): boolean {
  return session.value.permissions?.includes(permission) === true;
}

/** Whether the console may change something, and the role permits this. */
export function may(permission: Permission): boolean {
  return session.value.mode === "full" && can(permission);
}

/** Whether the control plane takes new tokens and approvals from this login at the moment. */
export async function isConfirmed(): Promise<boolean> {
  await readSession();
  return session.peek().confirmed === true;
}

export async function confirmLogin(token: string): Promise<void> {
  await call("POST", "console/confirm", { token });
  await readSession();
}
