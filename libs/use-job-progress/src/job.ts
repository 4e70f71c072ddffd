/** What the API says of a run: docs/reference/rest.md, "Jobs". */

export interface Step {
  run_id: string;
  /** Grows by one, without gaps; also the stream's event id. */
  sequence: number;
  at: string;
  kind: string;
  data: Record<string, unknown>;
}

export interface JobStatus {
  id: string;
  state: string;
  percent?: number | null;
  progress?: string | null;
  result?: string | null;
  failure?: { code: string; message: string } | null;
  last_sequence: number;
}

export type Connection = "connecting" | "live" | "polling" | "ended" | "failed";

export const STEP_KINDS = ["state", "progress", "message", "approval", "delegation", "tool", "notice"];
const FINAL_STATES = new Set(["succeeded", "failed", "cancelled"]);

export function isFinal(state: string): boolean {
  return FINAL_STATES.has(state);
}
