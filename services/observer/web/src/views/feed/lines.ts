import type { Schemas } from "@/api/client";

export type Line = Schemas["FeedLine"];
export type Batch = Schemas["FeedBatch"];

/** The newest lines are kept; what is older can be found where it belongs: runs, events, agents. */
export const KEPT_MAX = 5_000;
export const LEVELS = ["info", "notice", "warning", "error"] as const;
export const SOURCES = ["gateway", "router-worker", "mcp-hub", "cli"] as const;

/** A line, and what a search looks at. */
export interface Entry {
  line: Line;
  words: string;
}

export interface Kept {
  entries: readonly Entry[];
  /** How many lines came since the view was opened. */
  seen: number;
}

export const NOTHING_YET: Kept = { entries: [], seen: 0 };

/** What is kept once a batch has come. */
export function withBatch(kept: Kept, batch: Batch): Kept {
  const lines = batch.has_gap ? [gapBefore(batch), ...batch.lines] : batch.lines;
  if (lines.length === 0) return kept;
  const come = lines.map((line) => ({ line, words: `${line.text} ${line.kind}`.toLowerCase() }));
  return { entries: [...kept.entries, ...come].slice(-KEPT_MAX), seen: kept.seen + batch.lines.length };
}

/** Stands where lines were that nobody has kept. */
function gapBefore(batch: Batch): Line {
  const next = batch.lines[0];
  return {
    cursor: `gap before ${next?.cursor ?? batch.cursor}`,
    at: next?.at ?? new Date().toISOString(),
    level: "warning",
    source: "gateway",
    kind: "feed.gap",
    text: "Lines are missing here: more has happened than is kept",
    event_id: null,
    run_id: null,
    agent_id: null,
    connection_id: null,
    dropped: 0,
  };
}

export interface Filter {
  /** This one and those above. */
  level?: string;
  source?: string;
  search?: string;
}

/** The lines that fit; a gap fits always. */
export function fitting(
  entries: readonly Entry[],
  filter: Filter,
  nameOf: (agentId: string) => string,
): readonly Entry[] {
  const least = (LEVELS as readonly (string | undefined)[]).indexOf(filter.level);
  const searched = (filter.search ?? "").trim().toLowerCase();
  if (least <= 0 && !filter.source && !searched) return entries;
  return entries.filter(({ line, words }) => {
    if (line.kind === "feed.gap") return true;
    if (least > 0 && LEVELS.indexOf(line.level) < least) return false;
    if (filter.source && line.source !== filter.source) return false;
    return !searched || words.includes(searched) || isCalled(line, searched, nameOf);
  });
}

function isCalled(line: Line, searched: string, nameOf: (agentId: string) => string): boolean {
  const ids = [line.run_id, line.event_id, line.agent_id, line.connection_id];
  if (ids.includes(searched)) return true;
  return line.agent_id ? nameOf(line.agent_id).toLowerCase().includes(searched) : false;
}
