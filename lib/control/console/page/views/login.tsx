/** Login with a token, or at an OpenID provider. */
import { useState } from "preact/hooks";
import { Problem } from "../parts/badge.tsx";
import { logIn, loginNotice, session } from "../state/session.ts";

export function LoginPage() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState("");
  return (
    <main class="login">
      <p class="brand">wsctl</p>
      <h1 tabIndex={-1}>Log in</h1>
      <Problem text={problem === "" ? loginNotice.value : problem} />
      {session.value.oidc && (
        <p>
          <a class="button primary" href="console/oidc">
            Log in with your organization
          </a>
        </p>
      )}
      <form
        onSubmit={async (event) => {
          event.preventDefault();
          const text = token.trim();
          setToken("");
          if (/^ws[lj]1/.test(text)) {
            setProblem("This is no token, but a string for wsctl login or wsctl agent --join");
            return;
          }
          try {
            await logIn(text);
          } catch (error) {
            setProblem(`Login failed: ${(error as Error).message}`);
          }
        }}
      >
        <label for="token">Token</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          autocapitalize="none"
          required
          aria-describedby="token-help"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p id="token-help" class="quiet">
          A token of the role viewer, operator or admin. Create one with{" "}
          <code>wsctl tokens create --role operator</code>. The browser does not store it.
        </p>
        <p>
          <button type="submit" class="primary">
            Log in
          </button>
        </p>
      </form>
    </main>
  );
}
