import { expect, test } from "vitest";
import { mishapsOf, tell, waitsForApproval } from "./words";

function step(kind: string, data: Record<string, unknown>) {
  return { run_id: "r", sequence: 1, at: "2026-01-01T00:00:00Z", kind, data };
}

test.each([
  ["state", { state: "routed", agent: "notion", task: "" }, "routed to notion", undefined],
  ["state", { state: "waiting", waiting_for: "agent" }, "waiting for the agent", undefined],
  ["state", { state: "routed", reason: "lease_lost" }, "routed", "its agent was lost; it goes to another"],
  [
    "state",
    { state: "failed", failure: { code: "x", message: "No agent came." } },
    "failed",
    "No agent came.",
  ],
  ["progress", { percent: 20, text: "reading" }, "20 %", "reading"],
  ["approval", { state: "pending", question: "Send it?" }, "Asks for approval", "Send it?"],
  ["approval", { state: "denied", by: "Ana", comment: "no" }, "denied by Ana", "no"],
  ["delegation", { agent: "calendar", prompt: "find a day" }, "Handed on to calendar", "find a day"],
  ["unforeseen", { text: 7 }, "unforeseen", ""],
])("a step of kind %s is told in words", (kind, data, title, text) => {
  const told = tell(step(kind, data));
  expect(told.title).toBe(title);
  expect(told.text).toBe(text);
});

test.each([
  ["state", "failed", true],
  ["state", "succeeded", false],
  ["approval", "denied", true],
  ["approval", "approved", false],
  ["approval", "pending", false],
])("a %s that is %s is bad: %s", (kind, state, isBad) => {
  expect(tell(step(kind, { state })).isBad ?? false).toBe(isBad);
});

test("a run waits as long as one of its questions has no answer", () => {
  const approval = (approval_id: string, state: string) => step("approval", { approval_id, state });
  const asked = [step("progress", { text: "thinking" }), approval("a", "pending"), approval("b", "pending")];
  expect(waitsForApproval([])).toBe(false);
  expect(waitsForApproval(asked)).toBe(true);
  expect(waitsForApproval([...asked, approval("b", "approved")])).toBe(true);
  expect(waitsForApproval([...asked, approval("b", "approved"), approval("a", "denied")])).toBe(false);
});

test("a run that came to its end tells what failed on the way, and one that failed has said it", () => {
  const ended = { state: "succeeded", tool_failures: 0, approvals_denied: 0 } as const;
  expect(mishapsOf(ended)).toBeNull();
  expect(mishapsOf({ ...ended, tool_failures: 1 })).toBe("1 tool call failed");
  expect(mishapsOf({ ...ended, tool_failures: 2, approvals_denied: 1 })).toBe(
    "2 tool calls failed, 1 approval denied",
  );
  expect(mishapsOf({ ...ended, state: "failed", tool_failures: 2 })).toBeNull();
});
