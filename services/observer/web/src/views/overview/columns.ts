import type { Schemas } from "@/api/client";

export interface Column {
  at: Date;
  count: number;
}

/** Points of any label by minute, as `bins` columns of equal length that end now. */
export function columnsOf(
  points: Schemas["StatPoint"][],
  minutes: number,
  bins: number,
  now: Date,
): Column[] {
  const lengthMs = (minutes * 60_000) / bins;
  const startMs = now.getTime() - minutes * 60_000;
  const columns = Array.from({ length: bins }, (_, bin) => ({
    at: new Date(startMs + bin * lengthMs),
    count: 0,
  }));
  for (const point of points) {
    const bin = Math.floor((new Date(point.minute).getTime() - startMs) / lengthMs);
    // The minute that began before the first column still counts into it.
    const column = columns[Math.min(bins - 1, Math.max(0, bin))];
    if (column) column.count += point.count;
  }
  return columns;
}
