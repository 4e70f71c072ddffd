import type { Schemas } from "@/api/client";

const RUN = /^run ([0-9a-f-]{36})$/;

/** What a dead letter belongs to: a run, an event, or nothing that has a page. */
export function behind({
  id,
  kind,
  about,
}: Pick<Schemas["DeadLetter"], "id" | "kind" | "about">): { run?: string; event?: string } | null {
  if (kind === "run") return { run: id };
  if (kind === "event") return { event: id };
  const run = RUN.exec(about)?.[1];
  return run ? { run } : null;
}
