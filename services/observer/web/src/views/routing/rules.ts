import type { Schemas } from "@/api/client";

export type Kind = Schemas["NewRouteRule"]["kind"];

export const KINDS: Record<Kind, string> = {
  override: "Always",
  default: "When nobody is named",
};

/** The channel that a rule is for; null: it holds everywhere. */
export function channelOf(scope: string | undefined): string | null {
  return scope ? (scope.split(":").at(-1) ?? null) : null;
}

/** As the API names a channel of a workspace. */
export function scopeOf(place: { integration_id: string; external_id: string } | null): string {
  return place ? `slack:${place.integration_id}:${place.external_id}` : "";
}

/** In so many hours; none: until it is dropped. */
export function endOf(hours: number | null, now: Date): string | null {
  return hours === null ? null : new Date(now.getTime() + hours * 3_600_000).toISOString();
}
