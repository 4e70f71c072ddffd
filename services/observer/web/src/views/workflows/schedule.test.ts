import { expect, test } from "vitest";
import { whenNext, zones } from "./schedule";

const weekly = {
  enabled: true,
  schedule: "0 9 * * 1",
  timezone: "Europe/Rome",
  next_run_at: "2026-11-23T08:00:00Z",
};

test("the next run is told in the zone of the schedule, wherever the reader is", () => {
  expect(whenNext(weekly)).toMatch(/^Runs next on Monday,? 23 November 2026 at 09:00 \(Europe\/Rome\)\.$/);
});

test("a zone that the browser does not know does not break the sentence", () => {
  expect(whenNext({ ...weekly, timezone: "Mars/Olympus" })).toMatch(/^Runs next on .*\(Mars\/Olympus\)\.$/);
});

test("what the clock does not run says why", () => {
  expect(whenNext({ ...weekly, schedule: null })).toBe("Runs by hand only.");
  expect(whenNext({ ...weekly, enabled: false })).toContain("Switched off");
  expect(whenNext({ ...weekly, next_run_at: null })).toContain("never comes again");
});

test("zones are offered once each, with those that are set", () => {
  const offered = zones("UTC", "Mars/Olympus");
  expect(offered).toContain("Mars/Olympus");
  expect(offered.filter((zone) => zone === "UTC")).toHaveLength(1);
});
