import type { Schemas } from "@/api/client";
import { wordsOf } from "@/parts/plain";

/** How an event came in, and why it is believed. */
export const CAME_BY: Record<Schemas["EventDetail"]["transport"], string> = {
  http: "a webhook, whose signature was proved",
  socket: "Socket Mode, over the connection that Slack let our app open",
  gap: "nobody told: fetched with our own token",
};

/** The same in a word. */
export const PROVED_BY: Record<Schemas["EventDetail"]["transport"], string> = {
  http: "signature",
  socket: "Socket Mode",
  gap: "fetched",
};

/** What became of an event: "ignored: not subscribed". */
export function effectOf(outcome: string | null | undefined): string {
  return outcome ? wordsOf(outcome) : "–";
}
