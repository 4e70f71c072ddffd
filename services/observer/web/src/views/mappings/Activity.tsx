import { Alert, Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { api, ask, type Mapping, type Schemas } from "@/api/client";
import { safeHref } from "@/parts/links";
import { Moment } from "@/parts/Moment";
import { wordsOf } from "@/parts/plain";
import { State } from "@/parts/State";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { channelOf, listOf } from "./LinkPanel";
import { type Sample, sampleColor, sampleWords } from "./samples";

const EVERY_MS = 10_000;
const SAMPLE_EVERY_MS = 3_000;

/** What happened between the list and the channel, what went wrong, and a sample to see whether it works. */
export function Activity({ mapping }: { mapping: Mapping }) {
  const client = useQueryClient();
  const params = { path: { mapping_id: mapping.id } };
  const activity = useQuery({
    queryKey: ["mappings", "activity", mapping.id],
    queryFn: () => ask(api.GET("/api/mappings/{mapping_id}/activity", { params })),
    refetchInterval: ({ state }) => (isUnderWay(state.data?.sample) ? SAMPLE_EVERY_MS : EVERY_MS),
  });
  const reached = activity.data?.sample?.state;
  useEffect(() => {
    // It is a task of the channel from then on, and the link says how many there are.
    if (reached === "shown") void client.invalidateQueries({ queryKey: ["mappings"], exact: true });
  }, [client, reached]);
  if (activity.isPending) return <Waiting rows={3} />;
  if (activity.isError && !activity.data) {
    return <Failed error={activity.error} again={() => void activity.refetch()} />;
  }
  const { events, troubles, sample } = activity.data;
  return (
    <Stack mt="md" gap="md">
      <Sampling mapping={mapping} sample={sample} />
      <section aria-label="Last events">
        <Title order={3} size="h6">
          Last events
        </Title>
        {events.length === 0 && <Text size="sm">None in the last 7 days.</Text>}
        {events.map((event) => (
          <Group key={event.id} gap="xs" wrap="nowrap" mih={30}>
            <Text span w={84} style={{ flexShrink: 0 }}>
              <State of={event.state} />
            </Text>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              <Link to="/events" search={{ event: event.id }}>
                {event.source} {event.event_type}
              </Link>
            </Text>
            <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
              <Moment at={event.received_at} />
            </Text>
          </Group>
        ))}
      </section>
      <section aria-label="Troubles">
        <Title order={3} size="h6">
          Troubles
        </Title>
        {troubles.length === 0 && <Text size="sm">None in the last 7 days.</Text>}
        {troubles.map((trouble) => (
          <Trouble key={trouble.effect_id} trouble={trouble} />
        ))}
      </section>
    </Stack>
  );
}

/** Whether it can still change by itself: one whose webhook has not come for minutes waits for something else. */
function isUnderWay(sample: Sample | null | undefined): boolean {
  if (!sample || (sample.state !== "waiting" && sample.state !== "made")) return false;
  return Date.now() - Date.parse(sample.asked_at) < 120_000;
}

function Sampling({ mapping, sample }: { mapping: Mapping; sample: Sample | null }) {
  const send = useDoing({
    run: () =>
      ask(api.POST("/api/mappings/{mapping_id}/sample", { params: { path: { mapping_id: mapping.id } } })),
    done: `A sample is being made in ${listOf(mapping)}.`,
    changes: [["mappings"]],
  });
  return (
    <section aria-label="Sample">
      <Group gap="sm">
        <Button
          size="xs"
          variant="default"
          loading={send.isPending}
          disabled={sample?.state === "waiting"}
          onClick={() => send.mutate(undefined)}
        >
          Send a sample
        </Button>
        <Text size="xs" c="dimmed">
          Makes a task in {listOf(mapping)}, which then has to appear in {channelOf(mapping)}.
        </Text>
      </Group>
      {sample && (
        <Alert mt="xs" color={sampleColor(sample)} variant="outline" role="status">
          {sampleWords(sample, listOf(mapping), channelOf(mapping))} <Moment at={sample.asked_at} />
          <Group gap="md">
            <Outside to={sample.task_url}>Its task in ClickUp</Outside>
            <Outside to={sample.message_url}>Its message in Slack</Outside>
          </Group>
        </Alert>
      )}
    </section>
  );
}

/** Where it can be seen, if that is known. */
function Outside({ to, children }: { to: string | null | undefined; children: string }) {
  const href = to ? safeHref(to) : null;
  if (href === null) return null;
  return (
    <Anchor href={href} target="_blank" rel="noopener noreferrer" size="sm">
      {children}
    </Anchor>
  );
}

function Trouble({ trouble }: { trouble: Schemas["MappingTrouble"] }) {
  return (
    <Stack gap={0} mb="xs">
      <Group gap="xs">
        <State of={trouble.state === "dead" ? "dead" : trouble.state === "sent" ? "done" : "waiting"}>
          {trouble.state === "dead" ? "given up" : trouble.state}
        </State>
        <Text size="sm">
          {trouble.what}: {trouble.task}
        </Text>
        <Text size="xs" c="dimmed">
          <Moment at={trouble.at} />
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        {trouble.message ?? wordsOf(trouble.code)}{" "}
        {trouble.state === "dead" && (
          <Link to="/dead-letters" search={{ letter: trouble.effect_id }}>
            Its dead letter
          </Link>
        )}
      </Text>
    </Stack>
  );
}
