import { expect, test } from "vitest";
import { type Batch, fitting, KEPT_MAX, type Line, NOTHING_YET, withBatch } from "./lines";

function line(number: number, changed: Partial<Line> = {}): Line {
  return {
    cursor: `${number}-0`,
    at: "2026-11-22T09:00:00Z",
    level: "info",
    source: "gateway",
    kind: "run.progress",
    text: `line ${number}`,
    event_id: null,
    run_id: null,
    agent_id: null,
    connection_id: null,
    dropped: 0,
    ...changed,
  };
}

function batch(lines: Line[], has_gap = false): Batch {
  return { cursor: lines.at(-1)?.cursor ?? "0-0", lines, has_gap };
}

const texts = (kept: { line: Line }[] | readonly { line: Line }[]) => kept.map((each) => each.line.text);
const nobody = () => "";

test("lines come one after the other, and are counted", () => {
  const first = withBatch(NOTHING_YET, batch([line(1), line(2)]));
  const then = withBatch(first, batch([line(3)]));
  expect(texts(then.entries)).toEqual(["line 1", "line 2", "line 3"]);
  expect(then.seen).toBe(3);
  expect(texts(first.entries), "what is shown while it is paused stays").toEqual(["line 1", "line 2"]);
});

test("an empty batch changes nothing, so that nothing is drawn again", () => {
  expect(withBatch(NOTHING_YET, batch([]))).toBe(NOTHING_YET);
});

test("only the newest are kept, however many come", () => {
  const many = Array.from({ length: KEPT_MAX + 10 }, (_, number) => line(number));
  const kept = withBatch(withBatch(NOTHING_YET, batch([line(-1)])), batch(many));
  expect(kept.entries.length).toBe(KEPT_MAX);
  expect(kept.entries[0]?.line.text).toBe("line 10");
  expect(kept.seen).toBe(KEPT_MAX + 11);
});

test("a gap is a line of its own, even where nothing follows yet", () => {
  const kept = withBatch(NOTHING_YET, batch([line(7)], true));
  expect(kept.entries.map((each) => each.line.kind)).toEqual(["feed.gap", "run.progress"]);
  expect(kept.seen).toBe(1);
  expect(withBatch(NOTHING_YET, batch([], true)).entries.length).toBe(1);
});

test("what fits is at least of the level, of the source, and holds what is searched", () => {
  const { entries } = withBatch(
    NOTHING_YET,
    batch([
      line(1, { text: "Wiki failed", level: "error", source: "mcp-hub" }),
      line(2, { text: "wiki answered", source: "mcp-hub" }),
      line(3, { text: "muted", level: "warning", agent_id: "a1" }),
      line(4, { kind: "feed.gap", level: "warning", text: "missing" }),
    ]),
  );
  const nameOf = (id: string) => (id === "a1" ? "Fixer" : "");
  expect(fitting(entries, {}, nameOf)).toBe(entries);
  expect(texts(fitting(entries, { level: "warning" }, nameOf))).toEqual(["Wiki failed", "muted", "missing"]);
  expect(texts(fitting(entries, { level: "error" }, nameOf))).toEqual(["Wiki failed", "missing"]);
  expect(texts(fitting(entries, { source: "gateway" }, nameOf))).toEqual(["muted", "missing"]);
  expect(texts(fitting(entries, { search: " WIKI " }, nameOf))).toEqual([
    "Wiki failed",
    "wiki answered",
    "missing",
  ]);
  expect(texts(fitting(entries, { search: "fixer" }, nameOf))).toEqual(["muted", "missing"]);
  expect(texts(fitting(entries, { search: "a1" }, nobody))).toEqual(["muted", "missing"]);
  expect(texts(fitting(entries, { level: "nonsense" }, nobody)).length).toBe(4);
});
