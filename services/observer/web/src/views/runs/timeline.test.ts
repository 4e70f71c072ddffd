import { expect, test } from "vitest";
import { type ToolCall, timelineOf } from "./timeline";

function step(sequence: number, at: string) {
  return { run_id: "r", sequence, at, kind: "state", data: { state: `state ${sequence}` } } as const;
}

function call(tool: string, at: string, changed: Partial<ToolCall> = {}): ToolCall {
  return {
    id: tool,
    at,
    connection_id: "c",
    connection: "notion",
    tool,
    run_id: "r",
    caller: "agent:1",
    trust: "member",
    is_write: false,
    arguments: ["title"],
    was_approved: false,
    state: "succeeded",
    code: null,
    elapsed_ms: 120,
    ...changed,
  };
}

test("calls of tools stand among the steps where they were made", () => {
  const entries = timelineOf(
    [step(1, "2026-11-22T12:00:00Z"), step(2, "2026-11-22T12:00:05.5Z")],
    [
      call("late", "2026-11-22T12:00:09Z", { state: "failed", code: "timed_out", is_write: true }),
      // Of another precision: as text it would stand elsewhere.
      call("early", "2026-11-22T12:00:05.123456Z"),
    ],
  );
  expect(entries.map(({ title }) => title)).toEqual([
    "state 1",
    "Called notion__early",
    "state 2",
    "Failed: called notion__late",
  ]);
  expect(entries.map(({ isBad }) => isBad ?? false)).toEqual([false, false, false, true]);
  expect(entries[1]?.text).toBe("done in 0.1 s; reads, with title");
  expect(entries[3]?.text).toBe("failed in 0.1 s: timed out; writes, with title");
});
