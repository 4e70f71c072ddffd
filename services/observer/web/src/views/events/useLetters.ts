import { api, ask, type Schemas } from "@/api/client";
import { useDoing } from "@/parts/useDoing";

export type Choice = Partial<Schemas["DeadLetterChoice"]>;
const NONE_CHOSEN = { ids: [], everything: false };
const CHANGES = [["dead"], ["overview"]];

export function useRetry(after?: () => void) {
  return useDoing({
    run: (choice: Choice) =>
      ask(api.POST("/api/dead-letters/retry", { body: { ...NONE_CHOSEN, ...choice } })),
    done: "It is being tried again.",
    changes: CHANGES,
    after,
  });
}

export function useDiscard(choice: Choice, reason: string, after?: () => void) {
  return useDoing({
    run: () => ask(api.POST("/api/dead-letters/discard", { body: { ...NONE_CHOSEN, ...choice, reason } })),
    done: "It is discarded.",
    changes: CHANGES,
    after,
  });
}
