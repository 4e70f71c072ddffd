import { expect, test } from "vitest";
import { behind } from "./letters";

const RUN = "0b5ce2a4-8f7e-4c39-9a8c-1d1f3f7b1c11";

test.each([
  ["event", "task:1", { event: "x" }],
  ["run", "slack:1:2", { run: "x" }],
  ["effect", `run ${RUN}`, { run: RUN }],
  ["effect", "slack:T1:C1", null],
] as const)("what stands behind a dead %s about %s", (kind, about, expected) => {
  expect(behind({ id: "x", kind, about })).toEqual(expected);
});
