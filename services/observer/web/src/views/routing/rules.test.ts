import { expect, test } from "vitest";
import { channelOf, endOf, scopeOf } from "./rules";

test("a rule's channel is read from its scope as it was written", () => {
  const scope = scopeOf({ integration_id: "0b5ce2a4-8f7e-4c39-9a8c-1d1f3f7b1c11", external_id: "C0LAUNCH" });
  expect(scope).toBe("slack:0b5ce2a4-8f7e-4c39-9a8c-1d1f3f7b1c11:C0LAUNCH");
  expect(channelOf(scope)).toBe("C0LAUNCH");
});

test("a rule without a channel holds everywhere", () => {
  expect(channelOf(scopeOf(null))).toBeNull();
});

test("a rule ends after so many hours, or never by itself", () => {
  expect(endOf(2, new Date("2026-11-22T09:00:00Z"))).toBe("2026-11-22T11:00:00.000Z");
  expect(endOf(null, new Date())).toBeNull();
});
