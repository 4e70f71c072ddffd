import { useMediaQuery } from "@mantine/hooks";
import { useRouter } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, memo, useLayoutEffect, useRef } from "react";
import type { Entry, Line } from "./lines";

const ROW_PX = 30;
const NARROW_ROW_PX = 74;
const UPWARDS = new Set(["ArrowUp", "PageUp", "Home"]);
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

interface Parts {
  entries: readonly Entry[];
  /** The newest is kept in sight. */
  follows: boolean;
  /** The reader wants to read what is further up. */
  onLookBack: () => void;
  nameOf: (agentId: string) => string;
  seesEvents: boolean;
}

/** Lines as they come, the newest at the end; only those in sight are in the document. */
export function FeedLines({ entries, follows, onLookBack, nameOf, seesEvents }: Parts) {
  const place = useRef<HTMLDivElement>(null);
  const { history } = useRouter();
  const isNarrow = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const rowPx = isNarrow ? NARROW_ROW_PX : ROW_PX;
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => place.current,
    estimateSize: () => rowPx,
    overscan: 8,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: Rows of another height are measured anew.
  useLayoutEffect(() => rows.measure(), [rowPx]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: With each line that comes.
  useLayoutEffect(() => {
    if (follows && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [entries, follows, rowPx]);
  // One handler for all: a router's link in each row would cost more than the row.
  const go = (event: MouseEvent) => {
    const link = (event.target as Element).closest("a");
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !isPlain) return;
    event.preventDefault();
    history.push(link.getAttribute("href") ?? "/");
  };
  const pressed = (event: KeyboardEvent) => {
    if (UPWARDS.has(event.key)) onLookBack();
  };
  return (
    <div
      ref={place}
      className="feed"
      role="log"
      aria-live="off"
      aria-label="Live feed"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: Whoever has no mouse scrolls it.
      tabIndex={0}
      onClick={go}
      onKeyDown={pressed}
      onWheel={(event) => event.deltaY < 0 && onLookBack()}
      onTouchMove={onLookBack}
      onPointerDown={(event) => event.target === place.current && onLookBack()}
    >
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((row) => {
          const entry = entries[row.index] as Entry;
          const agent = entry.line.agent_id ? nameOf(entry.line.agent_id) : "";
          return (
            <div
              key={entry.line.cursor}
              className="feed-place"
              style={{ height: rowPx, transform: `translateY(${row.start}px)` }}
            >
              <Row line={entry.line} agent={agent} seesEvents={seesEvents} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

const Row = memo(function Row({
  line,
  agent,
  seesEvents,
}: {
  line: Line;
  agent: string;
  seesEvents: boolean;
}) {
  const at = new Date(line.at);
  return (
    <div className="feed-line" data-level={line.level} data-kind={line.kind}>
      <time dateTime={line.at} title={exact.format(at)}>
        {clock.format(at)}
      </time>
      <span className="feed-level">{line.level}</span>
      <span className="feed-source">{line.source}</span>
      <span className="feed-text" title={line.text}>
        {line.text}
      </span>
      <span className="feed-links">
        {line.run_id && <a href={`/runs/${line.run_id}`}>run</a>}
        {line.event_id && seesEvents && <a href={`/events?event=${line.event_id}`}>event</a>}
        {line.agent_id && <a href={`/agents/${line.agent_id}`}>{agent || "agent"}</a>}
        {line.connection_id && <a href={`/tools/${line.connection_id}`}>tool</a>}
      </span>
    </div>
  );
});
