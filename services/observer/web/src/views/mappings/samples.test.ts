import { expect, test } from "vitest";
import { type Sample, sampleWords } from "./samples";

const SAMPLE: Sample = {
  id: "1",
  asked_at: "2026-11-22T12:00:00Z",
  state: "waiting",
  task_id: null,
  problem: null,
};

test.each([
  [{ state: "waiting" }, "It is on its way to Launch."],
  [
    { state: "waiting", problem: "ClickUp is away." },
    "It has not reached Launch yet: ClickUp is away. It is tried again.",
  ],
  [{ state: "shown" }, "It works: the sample appeared in #launch. Delete the task when you have seen it."],
  [{ state: "failed", problem: "No such list." }, "It could not be made: No such list."],
] as [Partial<Sample>, string][])("a sample that is %o says so", (changed, words) => {
  expect(sampleWords({ ...SAMPLE, ...changed }, "Launch", "#launch")).toBe(words);
});
