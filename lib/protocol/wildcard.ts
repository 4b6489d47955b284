/**
 * Patterns in which `*` matches any text and `?` one character. Matching uses no regular expression
 * and takes bounded time on untrusted text.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  // Backtracks to the last star only, so that there is one alternative at a time.
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
