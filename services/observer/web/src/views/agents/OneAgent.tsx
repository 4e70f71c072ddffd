import { Badge, Button, Grid, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type Agent, api, ask } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Copied } from "@/parts/Copied";
import { Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { Failed, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { RunRows } from "../runs/RunRows";
import { AgentActions } from "./AgentActions";
import { definitionOf } from "./definition";
import { isMuted, Presence } from "./Presence";
import { Secrets } from "./Secrets";
import { agentYaml } from "./yaml";

const route = getRouteApi("/agents/$agentId");

/** One agent: how it is, what it may, what it did. */
export function OneAgent() {
  const { agentId } = route.useParams();
  const me = useMe().data;
  const agent = useQuery({
    queryKey: ["agents", "one", agentId],
    queryFn: () => ask(api.GET("/api/agents/{agent_id}", { params: { path: { agent_id: agentId } } })),
    refetchInterval: 5_000,
  });
  if (agent.isError && !agent.data) {
    return (
      <View title="Agent">
        <Failed error={agent.error} again={() => void agent.refetch()} />
      </View>
    );
  }
  if (!agent.data) {
    return (
      <View title="Agent">
        <Waiting />
      </View>
    );
  }
  const found = agent.data;
  const isAdmin = me ? reaches(me.role, "admin") : false;
  return (
    <View
      title={found.name}
      about={<Presence agent={found} />}
      actions={isAdmin ? <AgentActions agent={found} /> : null}
    >
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            <About agent={found} />
            <Title order={2} size="h4">
              Its runs
            </Title>
            <RunRows filter={{ agentId: found.id }} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack>
            <Pairs title="How it is" pairs={factsOf(found)} />
            {found.is_whole && <Pairs title="Limits" pairs={limitsOf(found)} />}
            {isAdmin && <Secrets agent={found} />}
            {found.is_whole && <AsResource agent={found} />}
          </Stack>
        </Grid.Col>
      </Grid>
    </View>
  );
}

const APPLIED = {
  api: "Its name is taken by what is registered here: choose another before you apply it.",
  squad: "Applied, it takes the place of the one that comes with the system.",
  resource: "As it is registered; how it is run stands in the resource that was applied.",
};

function AsResource({ agent }: { agent: Agent }) {
  return (
    <Paper withBorder p="md">
      <Copied title="As a resource" text={agentYaml(agent.name, definitionOf(agent))} />
      <Text size="xs" c="dimmed" mt="xs">
        {APPLIED[agent.origin]}
      </Text>
    </Paper>
  );
}

function About({ agent }: { agent: Agent }) {
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Text className="words">{agent.description || "Nobody has said what it is for."}</Text>
        <Words title="Keywords" words={agent.keywords ?? []} />
        <Words title="Tools" words={agent.tools ?? []} />
        <Words title="For example" words={agent.examples ?? []} />
      </Stack>
    </Paper>
  );
}

const WORDS_AT_FIRST = 8;

function Words({ title, words }: { title: string; words: string[] }) {
  const [isWhole, { open }] = useDisclosure();
  if (words.length === 0) return null;
  return (
    <div>
      <Text size="sm" c="dimmed" mb={4}>
        {title}
      </Text>
      <Group gap={6}>
        {words.slice(0, isWhole ? undefined : WORDS_AT_FIRST).map((word) => (
          <Badge
            key={word}
            variant="default"
            tt="none"
            fw={400}
            h="auto"
            styles={{ label: { whiteSpace: "normal" } }}
          >
            {word}
          </Badge>
        ))}
        {!isWhole && words.length > WORDS_AT_FIRST && (
          <Button size="compact-xs" variant="subtle" onClick={open}>
            {words.length - WORDS_AT_FIRST} more
          </Button>
        )}
      </Group>
    </div>
  );
}

function factsOf(agent: Agent): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [
    ["Replicas online", agent.online],
    ["Runs now", agent.running],
    ...(agent.spent_today_usd == null
      ? []
      : [["Spent today (UTC)", `$${agent.spent_today_usd.toFixed(2)}`] as [string, ReactNode]]),
    ["Version", agent.versions?.join(", ") || "–"],
    ["Last seen", <Moment key="seen" at={agent.last_seen_at} />],
    [
      "Comes from",
      { squad: "the squad, kept as the system ships it", resource: "a resource", api: "the API" }[
        agent.origin
      ],
    ],
  ];
  if (isMuted(agent)) {
    facts.push(
      ["Muted until", <Moment key="muted" at={agent.muted_until} />],
      ["Because", agent.mute_reason || "–"],
    );
  }
  return facts;
}

function limitsOf({ limits }: Agent): [string, ReactNode][] {
  return [
    ["Messages a minute", limits?.messages_per_minute ?? "–"],
    ["Runs at once", limits?.concurrency ?? "–"],
    ["Handed on, at most", limits?.max_hops ?? "–"],
    ["Tool calls a run", limits?.max_tool_calls_per_run ?? "–"],
    ["Spend a day", limits?.usd_per_day == null ? "no limit" : `$${limits.usd_per_day}`],
  ];
}
