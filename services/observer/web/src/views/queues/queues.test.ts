import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { sumOf } from "./queues";

function queue(depth: number, oldest: string | null): Schemas["QueueView"] {
  return {
    name: "outbox",
    depth,
    oldest,
    active: 0,
    done_last_hour: 0,
    given_up_last_hour: 0,
    took_s: null,
  };
}

test("queues together are as deep as all of them and as old as the oldest", () => {
  const found = sumOf([queue(2, "2026-11-22T12:00:00Z"), queue(0, null), queue(1, "2026-11-22T11:00:00Z")]);
  expect(found).toEqual({ depth: 3, oldest: new Date("2026-11-22T11:00:00Z") });
  expect(sumOf([queue(0, null)])).toEqual({ depth: 0, oldest: null });
});
