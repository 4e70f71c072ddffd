import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "@/api/client";

export type Place = Schemas["PlaceView"];
export type PlaceKind = Place["kind"];

const SOON_MS = 2_500;
const LATER_MS = 20_000;

/** Lists or channels by name. While they are being read, what is known is shown and asked for again. */
export function usePlaces(kind: PlaceKind, search: string) {
  const query = useInfiniteQuery({
    queryKey: ["places", kind, search],
    queryFn: ({ pageParam }) =>
      ask(api.GET("/api/places", { params: { query: { kind, search, cursor: pageParam, limit: 100 } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? [];
      return pages.length === 1 && pages[0]?.is_reading ? SOON_MS : LATER_MS;
    },
  });
  return {
    ...query,
    items: query.data?.pages.flatMap((page) => page.items) ?? [],
    head: query.data?.pages[0],
  };
}

export type Places = ReturnType<typeof usePlaces>;

/** Names a place among all of its kind. */
export function keyOf(place: Pick<Place, "integration_id" | "external_id">): string {
  return `${place.integration_id}/${place.external_id}`;
}

export function nameOf(place: Place): string {
  return place.kind === "channel" ? `#${place.name}` : place.name;
}
