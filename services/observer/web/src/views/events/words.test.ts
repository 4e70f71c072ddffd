import { expect, test } from "vitest";
import { CAME_BY } from "./words";

test("an event of Socket Mode is not said to have been fetched, nor its signature proved", () => {
  expect(CAME_BY.socket).toMatch(/^Socket Mode/);
  expect(CAME_BY.socket).not.toMatch(/fetched|signature/);
  expect(CAME_BY.http).toMatch(/signature was proved/);
});
