import { expect, test } from "vitest";
import { leftOf, nextOf, type Step } from "./setup";

const step = (name: Step["name"], state: Step["state"]): Step => ({ name, state, sentence: "", fix: "" });

test("a step that fails is one that is left, and the next to take", () => {
  const steps = [step("slack", "done"), step("clickup", "failing"), step("link", "open")];
  expect(leftOf(steps)).toBe(2);
  expect(nextOf(steps)).toBe("clickup");
});

test("once all is done nothing is next", () => {
  expect(nextOf([step("slack", "done")])).toBeUndefined();
});
