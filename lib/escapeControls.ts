/**
 * Escapes control, bidi and other invisible characters of untrusted text for display, so that it
 * cannot control a terminal or imitate another line.
 */
export function escapeControls(text: string): string {
  if (/^[\n -~]*$/.test(text)) return text;
  return text.replace(invisible, (char) => {
    if (char === "\n") return "\n";
    const code = char.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/**
 * Escapes the characters of a program's output that could control a terminal or reorder its text.
 * A tab stays a tab. Joiners and direction marks stay, because Persian, Arabic, Hebrew and emoji
 * need them.
 */
export function escapeOutput(text: string): string {
  if (/^[\n\t -~]*$/.test(text)) return text;
  return text.replace(invisible, (char) => (readable.test(char) ? char : escapeControls(char)));
}

/** Escapes the same characters in JSON text as JSON does, so that its values stay what they are. */
export function escapeJson(json: string): string {
  if (/^[\n -~]*$/.test(json)) return json;
  return json.replace(invisible, (char) => {
    if (char === "\n") return "\n";
    const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;
const readable = /^[\n\t\u00ad\u061c\u200c-\u200f]$/;
