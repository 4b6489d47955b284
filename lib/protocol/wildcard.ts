/**
 * Patterns in which `*` stands for any text and `?` for one character. Without a regular
 * expression: no text of anybody's can make this slow.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  // Back to the last star and one further: never more than one way at a time.
  let at = 0;
  let star = -1;
  let from = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      from = index;
    } else if (pattern[at] === "?" || (at < pattern.length && pattern[at] === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++from;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

export function hasWildcard(text: string): boolean {
  return /[*?]/.test(text);
}
