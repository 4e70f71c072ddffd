import type { Step } from "@oblivion/use-job-progress";
import type { Schemas } from "@/api/client";
import { lasted } from "@/parts/Moment";
import { wordsOf } from "@/parts/plain";
import { type Told, tell } from "./words";

export type ToolCall = Schemas["ToolCallView"];

export interface Entry extends Told {
  key: string;
  kind: string;
  at: string;
}

/** Steps in their own order, and each call of a tool before the first step that came after it. */
export function timelineOf(steps: readonly Step[], calls: readonly ToolCall[]): Entry[] {
  const waiting = [...calls].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  const entries: Entry[] = [];
  for (const step of steps) {
    while (waiting[0] && Date.parse(waiting[0].at) < Date.parse(step.at)) {
      entries.push(entryOf(waiting.shift() as ToolCall));
    }
    entries.push({ key: `step ${step.sequence}`, kind: step.kind, at: step.at, ...tell(step) });
  }
  return [...entries, ...waiting.map(entryOf)];
}

function entryOf(call: ToolCall): Entry {
  const took = call.elapsed_ms === null ? "" : ` in ${lasted(call.elapsed_ms)}`;
  const ending = { started: "under way", succeeded: `done${took}`, failed: `failed${took}` }[call.state];
  const why = call.code === null ? "" : `: ${wordsOf(call.code)}`;
  const kind = call.is_write ? "writes" : "reads";
  return {
    key: `call ${call.id}`,
    kind: "tool",
    at: call.at,
    isBad: call.state === "failed",
    title: `${call.state === "failed" ? "Failed: called" : "Called"} ${call.connection}__${call.tool}`,
    text: `${ending}${why}; ${kind}, with ${call.arguments.join(", ") || "nothing"}${call.was_approved ? "; approved by a person" : ""}`,
  };
}
