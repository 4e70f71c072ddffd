import { expect, test } from "vitest";
import { withoutFences } from "./fences";

test("what stands between fences is code without them, and all else is words", () => {
  const shown = '{\n "title": "sell milk"\n}';
  expect(withoutFences(`\`\`\`\n${shown}\n\`\`\``)).toEqual([{ place: 1, text: shown, isCode: true }]);
  expect(withoutFences("It runs:\n```sh\n  ls\n```\nin the home.")).toEqual([
    { place: 0, text: "It runs:", isCode: false },
    { place: 1, text: "  ls", isCode: true },
    { place: 2, text: "in the home.", isCode: false },
  ]);
});

test.each(["There is one of it.", "```\nnever closed", "say ``` in a line"])(
  "%s stays as it is",
  (detail) => {
    expect(withoutFences(detail)).toEqual([{ place: 0, text: detail, isCode: false }]);
  },
);
