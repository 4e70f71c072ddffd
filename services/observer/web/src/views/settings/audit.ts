import type { Schemas } from "@/api/client";

export type Line = Schemas["AuditLine"];
/** Whose id it is, by people's and agents' ids. */
export type Names = ReadonlyMap<string, string>;

/** Who did it: a name where somebody has one, else as the log has it (`cli:root`, `oblivion up`). */
export function actorOf({ actor }: Pick<Line, "actor">, names: Names): string {
  return names.get(actor.replace(/^(user|agent):/, "")) ?? actor;
}

/** Of whom or what; names are said of people and agents alone. */
export function subjectOf({ subject }: Line, names: Names): string {
  return names.get(subject) ?? subject;
}

/** "dead letters, discarded" */
export function actionOf({ action }: Pick<Line, "action">): string {
  const [what, ...done] = action.split(".");
  return [what, done.join(" ")].filter(Boolean).join(", ").replaceAll("_", " ");
}

/** What is noted beside it. */
export function notesOf({ detail }: Line): [string, string][] {
  return Object.entries(detail).map(([name, value]) => [
    name.replaceAll("_", " "),
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
}

/** What can be chosen, each once, by what people call it. */
export function choicesOf(
  values: (string | undefined)[],
  called: (value: string) => string,
): { value: string; label: string }[] {
  const found = [...new Set(values)].filter((value) => value !== undefined);
  return found
    .map((value) => ({ value, label: called(value) }))
    .sort((one, other) => one.label.localeCompare(other.label));
}

const WORDS_MAX = 8;

/** What is looked for, as lines have it: "dead letters, discarded" is there without its comma. */
export function soughtIn(typed: string): string {
  return typed
    .split(/[\s,]+/)
    .filter((word) => word !== "")
    .slice(0, WORDS_MAX)
    .join(" ");
}
