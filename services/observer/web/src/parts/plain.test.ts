import { expect, test } from "vitest";
import { counted, plainOf, wordsOf } from "./plain";

test.each([
  ["a\\_b\\*c", "a_b*c"],
  ["\\<script>", "<script>"],
  ["C:\\temp", "C:\\temp"],
  ["a \\\\ b", "a \\ b"],
])("%s is read as %s", (written, meant) => {
  expect(plainOf(written)).toBe(meant);
});

test("codes are words to people, and one thing is not said to be many", () => {
  expect(wordsOf("ignored:not_subscribed")).toBe("ignored: not subscribed");
  expect(wordsOf("rate_limited")).toBe("rate limited");
  expect([0, 1, 2].map((count) => counted(count, "run"))).toEqual(["0 runs", "1 run", "2 runs"]);
});
