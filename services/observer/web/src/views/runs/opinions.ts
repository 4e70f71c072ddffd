import type { Schemas } from "@/api/client";

export type OpinionKind = Schemas["RunLabel"]["kind"];

/** What somebody may think of an answer, or of who gave it. */
export const OPINIONS: Record<OpinionKind, string> = {
  good: "A good answer",
  bad: "A bad answer",
  wrong_agent: "The wrong agent",
  right_agent: "The right agent",
};
