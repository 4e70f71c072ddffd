import type { Schemas } from "@/api/client";

export type Sample = Schemas["MappingSample"];

/** How far a sample has come, in a sentence. */
export function sampleWords({ state, problem }: Sample, list: string, channel: string): string {
  switch (state) {
    case "waiting":
      return problem === null
        ? `It is on its way to ${list}.`
        : `It has not reached ${list} yet: ${problem} It is tried again.`;
    case "made":
      return `It stands in ${list}. ClickUp's webhook, and with it the message in ${channel}, is waited for.`;
    case "shown":
      return `It works: the sample appeared in ${channel}. Delete the task when you have seen it.`;
    default:
      return `It could not be made: ${problem ?? "nobody said why."}`;
  }
}

export function sampleColor({ state }: Sample): string {
  return { waiting: "gray", made: "yellow", shown: "green", failed: "red" }[state];
}
