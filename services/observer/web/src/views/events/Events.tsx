import { Group, Select, Switch } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { State } from "@/parts/State";
import { View } from "@/parts/View";
import { OneEvent } from "./OneEvent";
import { effectOf, PROVED_BY } from "./words";

type Event = Schemas["EventSummary"];
const route = getRouteApi("/events");
const STATES = ["received", "done", "ignored", "dead", "discarded"] as const;
const SOURCES = ["slack", "clickup"] as const;

const COLUMNS: Column<Event>[] = [
  {
    title: "Event",
    cell: (event) => (
      <Link to="/events" search={(now) => ({ ...now, event: event.id })} className="row-link">
        {event.event_type}
      </Link>
    ),
  },
  { title: "Source", width: 100, wide: true, cell: (event) => event.source },
  { title: "State", width: 118, cell: (event) => <State of={event.state} /> },
  { title: "Effect", width: 180, wide: true, cell: (event) => effectOf(event.outcome) },
  { title: "About", wide: true, cell: (event) => event.subject },
  { title: "Proof", width: 110, wide: true, cell: (event) => PROVED_BY[event.transport] },
  { title: "When", width: 104, cell: (event) => <Moment at={event.received_at} /> },
];

/** What came in from outside, newest first. */
export function Events() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const state = STATES.find((each) => each === search.state);
  const source = SOURCES.find((each) => each === search.source);
  // Mostly what we said ourselves, told to us as to everybody.
  const without = state === undefined && !search.ignored ? "ignored" : undefined;
  const change = (changed: typeof search) =>
    void navigate({ search: (now) => ({ ...now, ...changed }), replace: true });
  const pages = usePages<Event>({
    key: ["events", state, without, source],
    load: (cursor) =>
      ask(api.GET("/api/events", { params: { query: { cursor, limit: 100, state, without, source } } })),
    everyMs: 10_000,
  });
  return (
    <View
      title="Events"
      about="What came in from Slack and ClickUp; each says how it came, and why it is believed."
    >
      <Group gap="sm">
        <Select
          aria-label="State"
          placeholder="Any state"
          data={[...STATES]}
          value={state ?? null}
          onChange={(value) => change({ state: value ?? undefined })}
          clearable
          clearButtonProps={{ "aria-label": "Any state" }}
          w={160}
        />
        <Select
          aria-label="Source"
          placeholder="Any source"
          data={[...SOURCES]}
          value={source ?? null}
          onChange={(value) => change({ source: value ?? undefined })}
          clearable
          clearButtonProps={{ "aria-label": "Any source" }}
          w={160}
        />
        {/* Whoever chose a state has said what is to be seen. */}
        {state === undefined && (
          <Switch
            label="Show ignored ones"
            checked={search.ignored ?? false}
            onChange={(event) => change({ ignored: event.currentTarget.checked || undefined })}
          />
        )}
      </Group>
      <Rows
        label="Events"
        columns={COLUMNS}
        pages={pages}
        idOf={(event) => event.id}
        empty={{
          title: "No events",
          text: `What happens in Slack and ClickUp arrives here${without ? "; what we ignored is not shown" : ""}.`,
        }}
      />
      <OneEvent id={search.event} onClose={() => change({ event: undefined })} />
    </View>
  );
}
