import type { Schemas } from "@/api/client";

export type Workflow = Schemas["WorkflowView"];

/** The reader's own time zone. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Every zone that the browser knows, and those that are set already. */
export function zones(...set: string[]): string[] {
  return [...new Set(["UTC", ...set, ...Intl.supportedValuesOf("timeZone")])].sort();
}

/** When the clock runs it next, in the zone that its schedule is meant in. */
export function whenNext(
  workflow: Pick<Workflow, "enabled" | "schedule" | "next_run_at" | "timezone">,
): string {
  if (!workflow.schedule) return "Runs by hand only.";
  if (!workflow.enabled) return "Switched off: the clock does not run it.";
  if (!workflow.next_run_at) return "The clock does not run it any more: its schedule never comes again.";
  return `Runs next on ${inZone(workflow.next_run_at, workflow.timezone)} (${workflow.timezone}).`;
}

function inZone(at: string, timeZone: string): string {
  const parts: Intl.DateTimeFormatOptions = { dateStyle: "full", timeStyle: "short" };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...parts, timeZone }).format(new Date(at));
  } catch {
    // A zone that the server knows and this browser does not.
    return new Intl.DateTimeFormat("en-GB", parts).format(new Date(at));
  }
}
