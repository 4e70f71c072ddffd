import { expect, test } from "vitest";
import { columnsOf } from "./columns";

const now = new Date("2026-01-01T12:00:00Z");

function point(minute: string, count: number, label = "slack") {
  return { minute, metric: "events.received", label, count, sum: 0, max: 0 };
}

test("points of every label add up in the column of their time", () => {
  const points = [
    point("2026-01-01T11:00:00Z", 1),
    point("2026-01-01T11:59:00Z", 2),
    point("2026-01-01T11:59:00Z", 3, "clickup"),
  ];
  expect(columnsOf(points, 60, 4, now).map((column) => column.count)).toEqual([1, 0, 0, 5]);
});

test("a minute that is only just beginning or ending still counts", () => {
  const points = [point("2026-01-01T10:59:30Z", 1), point("2026-01-01T12:00:00Z", 1)];
  expect(columnsOf(points, 60, 2, now).map((column) => column.count)).toEqual([1, 1]);
});
