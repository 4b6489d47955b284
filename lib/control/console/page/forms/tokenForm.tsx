/** The form for a new token: its role, its limits, and how long it is valid. */
import { useState } from "preact/hooks";
import type { NewToken } from "../../../../protocol/api/tokens.ts";
import { act } from "../parts/confirm.tsx";

const rolesShown = [
  ["viewer", "viewer: reads"],
  ["operator", "operator: reads and runs commands"],
  ["admin", "admin: may do everything"],
  ["join", "join: lets a new agent in"],
] as const;

const lifetimes = [
  ["3600", "1 hour"],
  ["86400", "1 day"],
  ["2592000", "30 days"],
  ["31536000", "1 year"],
  ["", "never"],
] as const;

export function TokenForm({
  onMade,
  onCancel,
}: {
  onMade: (token: NewToken) => void;
  onCancel: () => void;
}) {
  const [role, setRole] = useState<string>("viewer");
  const [seconds, setSeconds] = useState("2592000");
  const [isLogin, setLogin] = useState(false);
  const [name, setName] = useState("");
  const [target, setTarget] = useState("");
  const [commands, setCommands] = useState("");
  const isJoin = role === "join";
  const isNarrowed = role === "viewer" || role === "operator";
  const create = async () => {
    const list = commands.split(/[\s,]+/).filter(Boolean);
    const body = {
      role,
      ...(name.trim() === "" ? {} : { name: name.trim() }),
      ...(seconds === "" ? {} : { expires_in_seconds: Number(seconds) }),
      ...(isNarrowed && target.trim() !== "" ? { target: target.trim() } : {}),
      ...(isNarrowed && list.length > 0 ? { commands: list } : {}),
    };
    const request = isLogin && !isJoin ? { role: "login", token: body } : body;
    const made = await act<NewToken>({ path: "api/v1/tokens", body: request, isSensitive: true });
    if (made !== undefined) onMade(made);
  };
  // A join token is valid for 30 days at most.
  const offered = lifetimes.filter(([value]) => !isJoin || (value !== "" && value.length < 8));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void create();
      }}
    >
      <div class="field">
        <label for="role">Role</label>
        <select
          id="role"
          value={role}
          onChange={(event) => {
            setRole(event.currentTarget.value);
            if (event.currentTarget.value === "join") setSeconds("3600");
          }}
        >
          {rolesShown.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="token-name">
          Name <span class="quiet">optional: whose token it is</span>
        </label>
        <input
          id="token-name"
          autocomplete="off"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="lifetime">Expires after</label>
        <select
          id="lifetime"
          value={seconds}
          onChange={(event) => setSeconds(event.currentTarget.value)}
        >
          {offered.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      {isNarrowed && (
        <>
          <div class="field">
            <label for="token-target">
              Only these agents <span class="quiet">optional, a selector</span>
            </label>
            <input
              id="token-target"
              spellcheck={false}
              placeholder="env=staging"
              value={target}
              onInput={(event) => setTarget(event.currentTarget.value)}
            />
          </div>
          <div class="field">
            <label for="token-commands">
              Only these commands <span class="quiet">optional</span>
            </label>
            <input
              id="token-commands"
              spellcheck={false}
              placeholder="ping, restart"
              value={commands}
              onInput={(event) => setCommands(event.currentTarget.value)}
            />
          </div>
        </>
      )}
      {!isJoin && (
        <label>
          <input
            type="checkbox"
            checked={isLogin}
            onChange={(event) => setLogin(event.currentTarget.checked)}
          />{" "}
          As a login string: it works once, within an hour, and your colleague gets the token
        </label>
      )}
      <p class="buttons">
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Create
        </button>
      </p>
    </form>
  );
}
