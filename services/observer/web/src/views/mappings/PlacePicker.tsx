import {
  Alert,
  Box,
  Button,
  Group,
  Loader,
  Paper,
  Radio,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { type ReactNode, useState } from "react";
import { Moment } from "@/parts/Moment";
import { Failed, Waiting } from "@/parts/states";
import { keyOf, nameOf, type Place, type PlaceKind, type Places, usePlaces } from "./usePlaces";

const TITLES: Record<PlaceKind, string> = { list: "ClickUp lists", channel: "Slack channels" };
const ABOUT: Record<PlaceKind, string> = {
  list: "Those that the connected account sees.",
  channel: "Public ones, and private ones that Oblivion is in.",
};

interface Parts {
  kind: PlaceKind;
  chosen: Place | null;
  onChoose: (place: Place) => void;
  /** What else is to be said of a place. */
  remarkOn?: (place: Place) => string | null;
}

/** One list or channel of those that can be linked. */
export function PlacePicker({ kind, chosen, onChoose, remarkOn }: Parts) {
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed, 250);
  const places = usePlaces(kind, search);
  return (
    <Paper withBorder p="md" component="section" aria-label={TITLES[kind]}>
      <Stack gap="sm">
        <div>
          <Title order={2} size="h5">
            {TITLES[kind]}
          </Title>
          <Text size="sm" c="dimmed">
            {ABOUT[kind]}
          </Text>
        </div>
        <TextInput
          aria-label={`Search ${TITLES[kind]}`}
          placeholder="Search"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        {places.head?.problem && (
          <Alert color="yellow" variant="outline" role="status">
            {places.head.problem}
          </Alert>
        )}
        <Choice places={places} kind={kind} isSearched={search !== ""}>
          <Radio.Group
            aria-label={TITLES[kind]}
            value={chosen ? keyOf(chosen) : null}
            onChange={(key) => {
              const found = places.items.find((place) => keyOf(place) === key);
              if (found) onChoose(found);
            }}
          >
            <Stack gap="xs">
              {places.items.map((place) => (
                <Radio
                  key={keyOf(place)}
                  value={keyOf(place)}
                  label={nameOf(place)}
                  description={aboutOf(place, remarkOn?.(place) ?? null)}
                  styles={{ label: { overflowWrap: "anywhere" }, description: { overflowWrap: "anywhere" } }}
                />
              ))}
            </Stack>
          </Radio.Group>
        </Choice>
        <Freshness places={places} />
      </Stack>
    </Paper>
  );
}

function aboutOf(place: Place, remark: string | null): string | undefined {
  const parts = [
    place.path,
    place.is_private ? "private" : "",
    place.is_member ? "" : "Oblivion is not in it yet",
    remark ?? "",
  ];
  return parts.filter(Boolean).join(" · ") || undefined;
}

interface ChoiceParts {
  places: Places;
  kind: PlaceKind;
  isSearched: boolean;
  children: ReactNode;
}

function Choice({ places, kind, isSearched, children }: ChoiceParts) {
  if (places.isPending) return <Waiting rows={4} />;
  if (places.isError && places.items.length === 0) {
    return <Failed error={places.error} again={() => void places.refetch()} />;
  }
  if (places.items.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {emptyOf(kind, isSearched, places.head?.is_reading ?? false)}
      </Text>
    );
  }
  return (
    <Box mah={320} style={{ overflowY: "auto" }} p={4}>
      {children}
      {places.hasNextPage && (
        <Button
          mt="sm"
          size="xs"
          variant="default"
          loading={places.isFetchingNextPage}
          onClick={() => void places.fetchNextPage()}
        >
          More
        </Button>
      )}
    </Box>
  );
}

function emptyOf(kind: PlaceKind, isSearched: boolean, isReading: boolean): string {
  if (isReading) return "They are being read; what is found appears here.";
  if (isSearched) return `No ${kind} is called so.`;
  return kind === "list" ? "There is no list." : "There is no channel.";
}

function Freshness({ places }: { places: Places }) {
  if (!places.head) return null;
  return (
    <Group gap="xs" role="status" aria-live="polite">
      {places.head.is_reading && <Loader size={14} aria-hidden />}
      <Text size="sm" c="dimmed">
        {places.head.is_reading ? "Reading them anew" : "Read"}
        {places.head.read_at && (
          <>
            {places.head.is_reading ? "; last read " : " "}
            <Moment at={places.head.read_at} />
          </>
        )}
      </Text>
    </Group>
  );
}
