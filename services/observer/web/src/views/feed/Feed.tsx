import "./feed.css";
import { Alert, Badge, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { memo, useCallback, useMemo, useState } from "react";
import { api, ask, Refusal } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { counted } from "@/parts/plain";
import { Failed, Nothing, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { FeedLines } from "./FeedLines";
import { fitting, type Kept, LEVELS, SOURCES } from "./lines";
import { type Connection, type Feed as LiveFeed, useFeed } from "./useFeed";

const route = getRouteApi("/feed");
const FROM_LEVEL = [
  { value: "notice", label: "Notice and above" },
  { value: "warning", label: "Warning and above" },
  { value: "error", label: "Errors alone" },
];

/** What happens in the tenant, as it happens; the address holds the filters. */
export function Feed() {
  const feed = useFeed();
  const [paused, setPaused] = useState<Kept | null>(null);
  const pause = useCallback(() => setPaused((now) => now ?? feed.kept), [feed.kept]);
  return (
    <View
      title="Live feed"
      about="What happens, as it happens, the newest last. A line names things; what people wrote stays where it belongs."
      actions={
        <>
          <Following connection={feed.connection} />
          <PauseButton
            isPaused={paused !== null}
            missed={paused === null ? 0 : feed.kept.seen - paused.seen}
            onPause={pause}
            onGoOn={() => setPaused(null)}
          />
        </>
      }
    >
      <Filters />
      {feed.hindrance !== null && feed.end === null && (
        <Alert color="yellow" variant="outline" role="status">
          {feed.hindrance} It is tried again.
        </Alert>
      )}
      <Shown feed={feed} kept={paused ?? feed.kept} follows={paused === null} onLookBack={pause} />
    </View>
  );
}

interface ShownParts {
  feed: LiveFeed;
  kept: Kept;
  follows: boolean;
  onLookBack: () => void;
}

function Shown({ feed, kept, follows, onLookBack }: ShownParts) {
  const filter = route.useSearch();
  const me = useMe().data;
  const nameOf = useAgentNames();
  const entries = useMemo(() => fitting(kept.entries, filter, nameOf), [kept, filter, nameOf]);
  const { end, isKnown, again } = feed;
  if (end !== null) return <Failed error={new Refusal(403, end.code, end.detail)} again={again} />;
  if (!isKnown) return <Waiting rows={8} />;
  if (kept.entries.length === 0) {
    return (
      <Nothing title="Nothing has happened yet">Say something to the squad, and it appears here.</Nothing>
    );
  }
  if (entries.length === 0) {
    return <Nothing title="No line fits">Those that come and fit appear here.</Nothing>;
  }
  return (
    <div>
      <FeedLines
        entries={entries}
        follows={follows}
        onLookBack={onLookBack}
        nameOf={nameOf}
        seesEvents={me ? reaches(me.role, "admin") : false}
      />
      <Text size="xs" c="dimmed" mt={6}>
        {entries.length} of {counted(kept.entries.length, "line")}
      </Text>
    </div>
  );
}

/** Drawn when they change, not with each line. */
const Filters = memo(function Filters() {
  const { level, source, search } = route.useSearch();
  const navigate = route.useNavigate();
  const change = (changed: { level?: string; source?: string; search?: string }) =>
    void navigate({ search: (now) => ({ ...now, ...changed }), replace: true });
  return (
    <Group gap="sm">
      <Select
        aria-label="Level"
        placeholder="Any level"
        data={FROM_LEVEL}
        value={LEVELS.find((each) => each === level) ?? null}
        onChange={(value) => change({ level: value ?? undefined })}
        clearable
        clearButtonProps={{ "aria-label": "Any level" }}
        w={180}
      />
      <Select
        aria-label="Source"
        placeholder="Any source"
        data={[...SOURCES]}
        value={SOURCES.find((each) => each === source) ?? null}
        onChange={(value) => change({ source: value ?? undefined })}
        clearable
        clearButtonProps={{ "aria-label": "Any source" }}
        w={160}
      />
      <TextInput
        aria-label="Search lines"
        placeholder="Search"
        maw={280}
        value={search ?? ""}
        onChange={(event) => change({ search: event.currentTarget.value || undefined })}
      />
    </Group>
  );
});

const SAID = { connecting: "connecting", live: "live", ended: "ended" };

function Following({ connection }: { connection: Connection }) {
  const color = connection === "live" ? "green" : connection === "ended" ? "red" : "dimmed";
  return (
    <Badge
      className="state"
      variant="dot"
      color={color}
      tt="none"
      fw={500}
      role="status"
      data-connection={connection}
    >
      {SAID[connection]}
    </Badge>
  );
}

interface PauseParts {
  isPaused: boolean;
  /** Lines that came meanwhile. */
  missed: number;
  onPause: () => void;
  onGoOn: () => void;
}

function PauseButton({ isPaused, missed, onPause, onGoOn }: PauseParts) {
  if (!isPaused) {
    return (
      <Button size="xs" variant="default" leftSection={<IconPlayerPause size={14} />} onClick={onPause}>
        Pause
      </Button>
    );
  }
  return (
    <Button size="xs" leftSection={<IconPlayerPlay size={14} />} onClick={onGoOn}>
      Go on{missed > 0 ? ` · ${missed} new` : ""}
    </Button>
  );
}

/** Agents by id; of one that is not known (yet) nothing is said. */
function useAgentNames(): (agentId: string) => string {
  const agents = useQuery({
    queryKey: ["agents"],
    queryFn: () => ask(api.GET("/api/agents", { params: { query: { limit: 200 } } })),
  });
  const items = agents.data?.items;
  return useMemo(() => {
    const names = new Map(items?.map((each) => [each.id, each.name]));
    return (agentId: string) => names.get(agentId) ?? "";
  }, [items]);
}
