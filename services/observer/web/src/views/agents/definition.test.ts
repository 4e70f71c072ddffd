import { expect, test } from "vitest";
import type { Agent } from "@/api/client";
import { capabilitiesOf, definitionOf, linesOf, writtenCapabilities } from "./definition";

test("tasks are written one a line, and read again as they were", () => {
  const tasks = [
    { name: "fix_bug", description: "Fixes one: soon" },
    { name: "review", description: "" },
  ];
  expect(writtenCapabilities(tasks)).toBe("fix_bug: Fixes one: soon\nreview");
  expect(capabilitiesOf(writtenCapabilities(tasks))).toEqual(tasks);
});

test("empty lines say nothing", () => {
  expect(linesOf("a\n\n  b \n")).toEqual(["a", "b"]);
});

test("what is sent back of an agent is what it is, not how it is", () => {
  const agent = { name: "fixer", description: "x", online: 2, state: "active", is_whole: true } as Agent;
  expect(Object.keys(definitionOf(agent))).not.toContain("online");
  expect(definitionOf(agent).description).toBe("x");
});
