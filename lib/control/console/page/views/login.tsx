/** Login with a token or a login string, or at an OpenID provider. */
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
          if (text.startsWith("wsj1")) {
            setProblem("This is no token, but a join string for wsctl agent --join");
            return;
          }
          try {
            await logIn(text);
          } catch (error) {
            setProblem(`Login failed: ${(error as Error).message}`);
          }
        }}
      >
        <label for="token">Token or login string</label>
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
          A token of the role viewer, operator or admin, or a login string, which works once. Create
          them with <code>wsctl tokens create --role operator</code> and <code>--login</code>. The
          browser stores neither.
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
