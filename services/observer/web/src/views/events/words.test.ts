import { expect, test } from "vitest";
import { CAME_BY, effectOf } from "./words";

test("an event of Socket Mode is not said to have been fetched, nor its signature proved", () => {
  expect(CAME_BY.socket).toMatch(/^Socket Mode/);
  expect(CAME_BY.socket).not.toMatch(/fetched|signature/);
  expect(CAME_BY.http).toMatch(/signature was proved/);
});

test.each([
  ["ignored:not_subscribed", "ignored: not subscribed"],
  ["asked", "asked"],
  [null, "–"],
])("what became of an event, %s, is %s", (outcome, expected) => {
  expect(effectOf(outcome)).toBe(expected);
});
