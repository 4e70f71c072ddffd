import { useInfiniteQuery } from "@tanstack/react-query";

export interface PageOf<Item> {
  items: Item[];
  next_cursor?: string | null;
}

interface Wish<Item> {
  key: readonly unknown[];
  load: (cursor: string | undefined) => Promise<PageOf<Item>>;
  /** Ask for what is loaded again so often. */
  everyMs?: number;
}

/** A list that comes in pages, one after another. */
export function usePages<Item>({ key, load, everyMs }: Wish<Item>) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Only while the reader is at the head of the list: pages further down would all be asked for again.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= 1 && everyMs) || false,
  });
  return { ...query, items: query.data?.pages.flatMap((page) => page.items) ?? [] };
}

export type Pages<Item> = ReturnType<typeof usePages<Item>>;
