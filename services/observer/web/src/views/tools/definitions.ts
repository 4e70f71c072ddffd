/** A definition as lines to be read: its parts by name, so that their order is no difference. */
export function linesOf(definition: Record<string, unknown>): string[] {
  return JSON.stringify(sorted(definition), null, 2).split("\n");
}

function sorted(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(sorted);
  if (typeof part !== "object" || part === null) return part;
  const entries = Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, value]) => [name, sorted(value)]));
}

/** The lines, and which of them the other one has not. */
export function marked(lines: string[], others: string[]) {
  const known = new Set(others.map(bare));
  return lines.map((text, number) => ({
    key: `${number} ${text}`,
    text,
    isOther: !known.has(bare(text)),
  }));
}

/** A comma at the end says nothing of the line itself. */
function bare(line: string): string {
  return line.replace(/,$/, "");
}
