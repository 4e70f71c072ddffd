import { expect, test } from "vitest";
import { sends } from "./sends";

const ENTER = { key: "Enter", shiftKey: false, isComposing: false, keyCode: 13 };

test("Enter sends; with Shift, or while a word is being composed, it does not", () => {
  expect(sends(ENTER)).toBe(true);
  expect(sends({ ...ENTER, shiftKey: true })).toBe(false);
  expect(sends({ ...ENTER, isComposing: true })).toBe(false);
  expect(sends({ ...ENTER, keyCode: 229 })).toBe(false);
  expect(sends({ ...ENTER, key: "a" })).toBe(false);
});
