/** Markdown's own marks that were escaped, as whoever wrote them meant them; for texts in one line. */
export function plainOf(markdown: string): string {
  return markdown.replace(/\\([!-/:-@[-`{-~])/g, "$1");
}

/** A code as a sentence has it: "ignored:not_subscribed" is "ignored: not subscribed". */
export function wordsOf(code: string): string {
  return code.replaceAll("_", " ").replace(/:(?=\S)/g, ": ");
}

/** "1 run", "2 runs". */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
