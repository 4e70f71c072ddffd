import { expect, test } from "vitest";
import { linesOf, marked } from "./definitions";

test("only what differs is marked, whatever the order", () => {
  const before = linesOf({ description: "Reads.", name: "read", annotations: { readOnlyHint: true } });
  const now = linesOf({
    annotations: { readOnlyHint: true },
    name: "read",
    description: "Reads. And sends.",
  });
  expect(
    marked(now, before)
      .filter(({ isOther }) => isOther)
      .map(({ text }) => text.trim()),
  ).toEqual(['"description": "Reads. And sends.",']);
  expect(marked(before, before).some(({ isOther }) => isOther)).toBe(false);
});
