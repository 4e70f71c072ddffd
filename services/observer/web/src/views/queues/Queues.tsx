import { Button, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { useMe } from "@/api/me";
import { lasted, Moment } from "@/parts/Moment";
import { Failed, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { columnsOf } from "../overview/columns";
import { Plot } from "../overview/Plot";
import { QUEUES, useQueues } from "./queues";

type Queue = Schemas["QueueView"];
const MINUTES = 60;
const STATS_EVERY_MS = 60_000;

/** What of the tenant's work waits, since when, and how fast it is done. */
export function Queues() {
  const me = useMe().data;
  const queues = useQueues();
  const stats = useQuery({
    queryKey: ["stats", "queues"],
    queryFn: () => ask(api.GET("/api/stats", { params: { query: { minutes: MINUTES } } })),
    refetchInterval: STATS_EVERY_MS,
  });
  return (
    <View
      title="Queues"
      about="Your tenant's own work: what waits, since when, and how fast it is done."
      actions={
        me?.is_operator ? (
          <Button component="a" href="/admin/queues" variant="default">
            Queue board of all tenants
          </Button>
        ) : null
      }
    >
      {queues.isPending && <Waiting />}
      {queues.isError && !queues.data && <Failed error={queues.error} again={() => void queues.refetch()} />}
      {queues.data && stats.isError && !stats.data && (
        <Failed error={stats.error} again={() => void stats.refetch()} />
      )}
      <Stack>
        {queues.data?.items.map((queue) => (
          <One key={queue.name} queue={queue} points={stats.data?.items} isPlotWaiting={stats.isPending} />
        ))}
      </Stack>
    </View>
  );
}

interface OneParts {
  queue: Queue;
  /** Not there yet: the figures need not wait for the plots. */
  points: Schemas["StatPoint"][] | undefined;
  isPlotWaiting: boolean;
}

function One({ queue, points, isPlotWaiting }: OneParts) {
  const { title, about, waiting, done } = QUEUES[queue.name];
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Group justify="space-between" align="baseline">
        <Title order={2} size="h4">
          {title}
        </Title>
        <Text size="xs" c="dimmed">
          {queue.name}
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        {about}
      </Text>
      <SimpleGrid cols={{ base: 1, md: 2 }} mt="sm">
        <SimpleGrid cols={{ base: 2, xs: 3 }} spacing="xs" style={{ alignContent: "start" }}>
          <Fact name="Waiting" link={waiting}>
            {queue.depth}
          </Fact>
          <Fact name="Oldest">
            <Moment at={queue.oldest} />
          </Fact>
          <Fact name="At work">{queue.active}</Fact>
          <Fact name="Done, last hour">{queue.done_last_hour}</Fact>
          <Fact name="Took, on average">{queue.took_s === null ? "–" : lasted(queue.took_s * 1000)}</Fact>
          <Fact
            name="Given up, last hour"
            link={{ to: "/dead-letters" }}
            isBad={queue.given_up_last_hour > 0}
          >
            {queue.given_up_last_hour}
          </Fact>
        </SimpleGrid>
        {isPlotWaiting && <Waiting rows={3} />}
        {points && (
          <Plot
            title="Done"
            say={(total) => `${total} in the last hour`}
            columns={columnsOf(
              points.filter((point) => point.metric === done),
              MINUTES,
              MINUTES,
              new Date(),
            )}
          />
        )}
      </SimpleGrid>
    </Paper>
  );
}

interface FactParts {
  name: string;
  link?: LinkProps;
  isBad?: boolean;
  children: ReactNode;
}

function Fact({ name, link, isBad, children }: FactParts) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {link ? <Link {...link}>{name}</Link> : name}
      </Text>
      <Text fz={20} fw={600} component="div" c={isBad ? "var(--mantine-color-error)" : undefined}>
        {children}
      </Text>
    </div>
  );
}
