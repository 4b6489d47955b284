/** Dialogs, and the messages that an action leaves at the edge of the window. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { visible } from "../state/format.ts";
import { onLogout } from "../state/session.ts";

/** A modal dialog: the browser keeps the focus inside, and Escape closes it. */
export function Dialog(props: {
  title: string;
  children: ComponentChildren;
  class?: string;
  onClose: () => void;
}) {
  const { title, children, onClose } = props;
  const element = useRef<HTMLDialogElement>(null);
  // Before the next key: what is typed at once belongs into the dialog.
  useLayoutEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      class={props.class ?? ""}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === element.current) element.current?.close();
      }}
    >
      {children}
    </dialog>
  );
}

interface Toast {
  id: number;
  text: string;
  isBad: boolean;
  link?: { text: string; href: string } | undefined;
}

const toasts = signal<readonly Toast[]>([]);
const toastMs = 6_000;
let count = 0;

onLogout(() => {
  toasts.value = [];
});

/** Says how an action ended. */
export function say(text: string, options: { isBad?: boolean; link?: Toast["link"] } = {}): void {
  const { isBad = false, link } = options;
  const toast = { id: count++, text, isBad, link };
  toasts.value = [...toasts.value.slice(-3), toast];
  // An error stays until it is read.
  if (!isBad) setTimeout(() => dismiss(toast.id), toastMs);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, isBad, link }) => (
        <p key={id} class={isBad ? "bad" : "good"}>
          <span aria-hidden="true">{isBad ? "✕" : "✓"}</span>
          <span class="text">{visible(text)}</span>
          {link !== undefined && <a href={link.href}>{link.text}</a>}
          <button type="button" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}

interface Question {
  title: string;
  text: string;
  action: string;
  isDangerous?: boolean;
  answer(isYes: boolean): void;
}

const question = signal<Question | undefined>(undefined);

/** Asks before something that cannot be undone. */
export function ask(asked: Omit<Question, "answer">): Promise<boolean> {
  return new Promise((answer) => {
    question.value = { ...asked, answer };
  });
}

export function Questions() {
  const asked = question.value;
  if (asked === undefined) return null;
  const close = (isYes: boolean) => {
    question.value = undefined;
    asked.answer(isYes);
  };
  return (
    <Dialog title={asked.title} onClose={() => close(false)}>
      <h2>{asked.title}</h2>
      <p>{visible(asked.text)}</p>
      <p class="buttons">
        <button type="button" onClick={() => close(false)}>
          Keep
        </button>
        <button
          type="button"
          class={asked.isDangerous ? "danger" : "primary"}
          onClick={() => close(true)}
        >
          {asked.action}
        </button>
      </p>
    </Dialog>
  );
}
