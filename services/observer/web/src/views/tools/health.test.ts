import { expect, test } from "vitest";
import type { Connection } from "@/api/client";
import { healthOf, isFailing, testable } from "./health";

const AT = "2026-11-22T10:00:00Z";
const WORKS = { ok: true, detail: "7 tools.", account: "Ana", rights: [], rate_limit_left: null, at: AT };

function connection(more: Partial<Connection>): Connection {
  return {
    state: "active",
    auth: "secret",
    sign_in: null,
    health: null,
    updated_at: AT,
    ...more,
  } as Connection;
}

test.each([
  [connection({}), "not tested"],
  [connection({ health: WORKS }), "works"],
  [connection({ health: { ...WORKS, ok: false, detail: "It does not answer." } }), "fails"],
  [connection({ health: WORKS, state: "disabled" }), "disabled"],
  [
    connection({
      auth: "oauth",
      health: WORKS,
      sign_in: { state: "again", detail: "", at: AT, ends_at: null, scopes: [] },
    }),
    "sign in again",
  ],
  [
    connection({
      auth: "oauth",
      health: WORKS,
      sign_in: { state: "done", detail: "", at: AT, ends_at: null, scopes: [] },
    }),
    "works",
  ],
])("how a connection is, is said in words", (one, words) => {
  expect(healthOf(one).words).toBe(words);
});

test("one that fails or waits for a sign-in does not work; a test tells nothing of one that waits or is disabled", () => {
  const works = connection({ health: WORKS });
  const fails = connection({ health: { ...WORKS, ok: false } });
  const untested = connection({});
  const disabled = connection({ health: { ...WORKS, ok: false }, state: "disabled" });
  const signIn = { state: "needed" as const, detail: "", at: null, ends_at: null, scopes: [] };
  const waits = connection({ auth: "oauth", sign_in: signIn });
  const all = [works, fails, untested, disabled, waits];
  expect(all.filter(isFailing)).toEqual([fails, waits]);
  expect(testable(all)).toEqual([works, fails, untested]);
});
