/** Markdown's own marks that were escaped, as whoever wrote them meant them; for texts in one line. */
export function plainOf(markdown: string): string {
  return markdown.replace(/\\([!-/:-@[-`{-~])/g, "$1");
}
