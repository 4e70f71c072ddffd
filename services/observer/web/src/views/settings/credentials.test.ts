import { expect, test } from "vitest";
import { commandOf, urgencyOf } from "./credentials";

const NOW = new Date("2026-11-22T09:00:00Z");

test.each([
  [null, "none"],
  ["2026-11-22T08:59:59Z", "past"],
  ["2026-12-01T09:00:00Z", "soon"],
  ["2027-01-01T09:00:00Z", "none"],
])("a token that ends at %s is urgent: %s", (at, expected) => {
  expect(urgencyOf(at, NOW)).toBe(expected);
});

test("a workspace's token is replaced by a command, a tool's on its page", () => {
  expect(commandOf({ source: "slack" })).toBe("oblivion slack connect");
  expect(commandOf({ source: "clickup", connection_id: "x" })).toBeUndefined();
});
