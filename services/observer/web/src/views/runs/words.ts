import type { Step } from "@oblivion/use-job-progress";
import type { Run } from "@/api/client";
import { counted, wordsOf } from "@/parts/plain";

type Ended = Pick<Run, "state" | "tool_failures" | "approvals_denied">;

export interface Told {
  title: string;
  text?: string;
  /** Something failed, or was refused. */
  isBad?: boolean;
}

/** What went wrong in a run that came to its end all the same; null: nothing. */
export function mishapsOf({ state, tool_failures, approvals_denied }: Ended): string | null {
  if (state !== "succeeded") return null;
  const failed = tool_failures > 0 && `${counted(tool_failures, "tool call")} failed`;
  const denied = approvals_denied > 0 && `${counted(approvals_denied, "approval")} denied`;
  return [failed, denied].filter(Boolean).join(", ") || null;
}

/** Whether it waits for an answer, as far as its steps tell. */
export function waitsForApproval(steps: readonly Step[]): boolean {
  const asked = new Set<unknown>();
  for (const { kind, data } of steps) {
    if (kind !== "approval") continue;
    if (data.state === "pending") asked.add(data.approval_id);
    else asked.delete(data.approval_id);
  }
  return asked.size > 0;
}

const REASONS: Record<string, string> = {
  lease_lost: "its agent was lost; it goes to another",
  resumed: "its agent is back and goes on",
};

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A step in words. What is not foreseen is shown by its kind rather than left out. */
export function tell({ kind, data }: Step): Told {
  switch (kind) {
    case "state":
      return { title: stateTitle(data), text: stateText(data), isBad: data.state === "failed" };
    case "progress":
      return {
        title: typeof data.percent === "number" ? `${data.percent} %` : "Progress",
        text: word(data.text),
      };
    case "message":
      return { title: "The agent says", text: word(data.text) };
    case "approval":
      return approval(data);
    case "delegation":
      return { title: `Handed on to ${word(data.agent) || "another agent"}`, text: word(data.prompt) };
    default:
      return {
        title: kind === "notice" ? "Notice" : kind,
        text: word(data.text) || wordsOf(word(data.code)),
      };
  }
}

function stateTitle(data: Step["data"]): string {
  const state = word(data.state) || "changed";
  if (state === "routed" && data.agent) return `routed to ${word(data.agent)}`;
  if (state === "cancelled" && data.by) return `cancelled by ${word(data.by)}`;
  if (state === "waiting" && data.waiting_for) return `waiting for the ${word(data.waiting_for)}`;
  return state;
}

function stateText(data: Step["data"]): string | undefined {
  const failure = data.failure as { message?: unknown } | undefined;
  return word(failure?.message) || REASONS[word(data.reason)] || undefined;
}

function approval(data: Step["data"]): Told {
  if (data.state === "pending") return { title: "Asks for approval", text: word(data.question) };
  return {
    title: `${word(data.state)} by ${word(data.by) || "somebody"}`,
    text: word(data.comment),
    isBad: data.state !== "approved",
  };
}
