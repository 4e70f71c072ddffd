import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { Refusal } from "./client";
import { ME } from "./me";

/** Somebody whose session is over is asked to sign in, where they are. */
function noteRefusal(error: unknown, client: QueryClient): void {
  if (error instanceof Refusal && error.status === 401) client.setQueryData(ME, null);
}

/** As long as the API asks for, else longer each time. */
function waitMs(count: number, error: Error): number {
  const asked = error instanceof Refusal ? error.retryAfterMs : null;
  return asked ?? Math.min(1_000 * 2 ** count, 30_000);
}

export function makeQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: (error) => noteRefusal(error, client) }),
    mutationCache: new MutationCache({ onError: (error) => noteRefusal(error, client) }),
    defaultOptions: {
      queries: {
        retry: (count, error) => count < 3 && !(error instanceof Refusal && !error.passes),
        retryDelay: (count, error) => waitMs(count, error),
        staleTime: 2_000,
      },
    },
  });
  return client;
}
