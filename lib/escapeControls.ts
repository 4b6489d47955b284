/**
 * Escapes control, bidi and other invisible characters of untrusted text for display, so that it
 * cannot control a terminal or imitate another line.
 */
export function escapeControls(text: string): string {
  if (/^[\n -~]*$/.test(text)) return text;
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, (char) => {
    if (char === "\n") return "\n";
    const code = char.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}
