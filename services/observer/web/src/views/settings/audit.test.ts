import { expect, test } from "vitest";
import { actionOf, actorOf, choicesOf, type Line, notesOf, soughtIn, subjectOf } from "./audit";

const LINE: Line = {
  id: "l",
  at: "2026-01-01T00:00:00Z",
  actor: "user:u1",
  action: "dead_letters.discarded",
  subject: "u2",
  detail: { reason: "the mill is closed", events: 2, next_at: null },
};
const NAMES = new Map([
  ["u1", "Ida"],
  ["u2", "fixer"],
]);

test("people and agents are called by their names, and nobody else is", () => {
  expect(actorOf(LINE, NAMES)).toBe("Ida");
  expect(subjectOf(LINE, NAMES)).toBe("fixer");
  expect(actorOf({ ...LINE, actor: "cli:root" }, NAMES)).toBe("cli:root");
  expect(actorOf({ ...LINE, actor: "user:gone" }, NAMES)).toBe("user:gone");
});

test("an action is said in words", () => {
  expect(actionOf(LINE)).toBe("dead letters, discarded");
  expect(actionOf({ ...LINE, action: "started" })).toBe("started");
});

test("what is noted beside it is whole", () => {
  expect(notesOf(LINE)).toEqual([
    ["reason", "the mill is closed"],
    ["events", "2"],
    ["next at", "null"],
  ]);
});

test("who can be chosen stands there once, by name", () => {
  const actors = ["user:u1", "cli:root", undefined, "user:u1"];
  expect(choicesOf(actors, (actor) => actorOf({ actor }, NAMES))).toEqual([
    { value: "cli:root", label: "cli:root" },
    { value: "user:u1", label: "Ida" },
  ]);
});

test("what is typed as a line shows it is found", () => {
  expect(soughtIn(" dead letters, discarded ")).toBe("dead letters discarded");
  expect(soughtIn("a b c d e f g h i j"), "as many words as the API takes").toBe("a b c d e f g h");
});
