import { expect, test } from "vitest";
import { plainOf } from "./plain";

test.each([
  ["a\\_b\\*c", "a_b*c"],
  ["\\<script>", "<script>"],
  ["C:\\temp", "C:\\temp"],
  ["a \\\\ b", "a \\ b"],
])("%s is read as %s", (written, meant) => {
  expect(plainOf(written)).toBe(meant);
});
