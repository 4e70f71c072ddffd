import { expect, test } from "vitest";
import { inWords, problemOf, USUAL, wrongWith } from "./options";

test("a filter by metadata needs its event type, one by keyword its keyword", () => {
  expect(wrongWith(USUAL)).toBeNull();
  expect(wrongWith({ ...USUAL, filter: { kind: "keyword", keyword: " " } })).toBe("Say which keyword.");
  expect(wrongWith({ ...USUAL, filter: { kind: "metadata", keyword: "x" } })).toBe("Say which event type.");
  expect(wrongWith({ ...USUAL, tasks: "tagged", task_tag: "" })).toBe("Say which tag.");
});

test("options are told in a line", () => {
  expect(inWords(USUAL)).toBe("every task; replies with #clickup go back");
  const agents = { ...USUAL.agents, default_agent: "fixer" };
  expect(inWords({ ...USUAL, tasks: "tagged", filter: { kind: "all", keyword: "x" }, agents })).toBe(
    "tasks with @AI_Squad; every reply goes back; fixer answers",
  );
});

test("a problem is its sentence, and its code where it has none", () => {
  expect(problemOf({ problem: null })).toBeNull();
  expect(problemOf({ problem: { code: "not_in_channel", message: "invite it" } })).toBe("invite it");
  expect(problemOf({ problem: { code: "not_in_channel" } })).toBe("not_in_channel");
});
