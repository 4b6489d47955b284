/** A person who confirms the login of a device at the provider of the tests, in a browser. */
import { Visitor } from "./visitor.ts";

/**
 * @param page The page with the code filled in.
 * @param who The person, by the name at the provider.
 */
export async function confirmDevice(
  page: string,
  who: string,
  decision: "confirm" | "abort" = "confirm",
): Promise<string> {
  const visitor = new Visitor();
  visitor.setCookie(page, "person", who);
  const { origin } = new URL(page);
  const post = (form: Record<string, string>) =>
    visitor.ask(`${origin}/device`, { method: "POST", body: new URLSearchParams(form) });
  const { text } = await visitor.ask(page);
  const field = (name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? "";
  const form = { xsrf: field("xsrf"), user_code: field("user_code") };
  await post(form);
  const decided = await post({ ...form, [decision]: "yes" });
  const location = decided.headers.get("location");
  if (location === null) return decided.text;
  return (await visitor.follow(new URL(location, origin).href)).answer?.text ?? "";
}
