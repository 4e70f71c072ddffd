import { Alert, Button, Group, Paper, SegmentedControl, SimpleGrid, Stack, Text } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, type LinkProps } from "@tanstack/react-router";
import { api, ask, type Connection, type Schemas } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { ago } from "@/parts/Moment";
import { counted } from "@/parts/plain";
import { Failed, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { leftOf, nextOf, useSetup } from "../first-steps/setup";
import { sumOf, useQueues } from "../queues/queues";
import { RunRows } from "../runs/RunRows";
import { useConnections } from "../tools/doings";
import { healthOf, isFailing } from "../tools/health";
import { Approvals } from "./Approvals";
import { columnsOf } from "./columns";
import { Plot } from "./Plot";

const route = getRouteApi("/");
/** All together far below the requests a minute that a person has: several windows may be open. */
const EVERY_MS = 15_000;
const STEPS_EVERY_MS = 30_000;
const STATS_EVERY_MS = 60_000;

/** Whether all is well, at a glance; each figure leads to the rows behind it. */
export function Overview() {
  const me = useMe().data;
  const isAdmin = me ? reaches(me.role, "admin") : false;
  return (
    <View title="Overview" about={isAdmin ? "What lives now, and the last 24 hours." : "Your runs."}>
      {me && reaches(me.role, "user") && <Approvals />}
      {isAdmin && <ToFirstSteps />}
      {isAdmin && <Figures />}
      {isAdmin && <Plots />}
      <Stack gap="xs">
        <Text fw={600} component="h2" m={0}>
          Newest runs
        </Text>
        <RunRows filter={{}} />
      </Stack>
    </View>
  );
}

function Figures() {
  const overview = useQuery({
    queryKey: ["overview"],
    queryFn: () => ask(api.GET("/api/overview")),
    refetchInterval: EVERY_MS,
  });
  const agents = useQuery({
    queryKey: ["agents"],
    queryFn: () => ask(api.GET("/api/agents", { params: { query: { limit: 200 } } })),
    refetchInterval: EVERY_MS,
  });
  const queues = useQueues(EVERY_MS);
  const tools = useConnections(EVERY_MS);
  const breakers = useQuery({
    queryKey: ["breakers"],
    queryFn: () => ask(api.GET("/api/breakers")),
    refetchInterval: EVERY_MS,
  });
  if (overview.isPending || agents.isPending) return <Waiting rows={2} />;
  if (overview.isError) return <Failed error={overview.error} again={() => void overview.refetch()} />;
  if (agents.isError) return <Failed error={agents.error} again={() => void agents.refetch()} />;
  return (
    <SimpleGrid cols={{ base: 2, sm: 3 }} spacing="sm">
      {figuresOf(overview.data, agents.data.items).map((figure) => (
        <Figure key={figure.label} {...figure} />
      ))}
      <Figure {...toolsFigure(tools.data && tools.items)} />
      <Figure {...queuesFigure(queues.data?.items)} />
      <Figure {...breakersFigure(breakers.data?.items)} />
    </SimpleGrid>
  );
}

interface FigureOf {
  label: string;
  value: string | number;
  detail: string;
  link: LinkProps;
  isBad?: boolean;
}

function figuresOf(seen: Schemas["Overview"], agents: Schemas["AgentView"][]): FigureOf[] {
  const active = agents.filter((agent) => agent.state === "active");
  const online = active.filter((agent) => agent.online > 0).length;
  const live = ["queued", "routed", "assigned", "running", "waiting"].reduce(
    (sum, s) => sum + (seen.runs[s] ?? 0),
    0,
  );
  const failed = seen.runs.failed ?? 0;
  const came = Object.values(seen.events).reduce((sum, count) => sum + count, 0);
  const waiting = seen.events.received ?? 0;
  const oldest = seen.oldest_waiting
    ? `${waitingOf(waiting)}, oldest ${ago(new Date(seen.oldest_waiting), new Date())}`
    : "none waits";
  return [
    { label: "Runs now", value: live, detail: waitingOf(seen.runs.waiting ?? 0), link: { to: "/runs" } },
    {
      label: "Runs failed",
      value: failed,
      detail: `${seen.runs.succeeded ?? 0} succeeded`,
      link: { to: "/runs", search: { state: "failed" } },
      isBad: failed > 0,
    },
    {
      label: "Agents online",
      value: `${online} of ${active.length}`,
      detail: mutedOf(active),
      link: { to: "/agents" },
    },
    { label: "Events", value: came, detail: oldest, link: { to: "/events" } },
    {
      label: "Dead letters",
      value: seen.dead_letters,
      detail: seen.dead_letters ? "given up: look at them" : "nothing was given up",
      link: { to: "/dead-letters" },
      isBad: seen.dead_letters > 0,
    },
    {
      label: "Spent",
      value: `$${seen.cost_usd.toFixed(2)}`,
      detail: "as agents report it",
      link: { to: "/runs" },
    },
  ];
}

function waitingOf(count: number): string {
  return count === 1 ? "1 waits" : `${count} wait`;
}

function queuesFigure(queues: Schemas["QueueView"][] | undefined): FigureOf {
  const link = { to: "/queues" } as const;
  if (!queues) return { label: "Queues", value: "–", detail: "not known", link };
  const { depth, oldest } = sumOf(queues);
  const detail = oldest ? `oldest ${ago(oldest, new Date())}` : "nothing waits";
  return { label: "Queues", value: depth, detail, link };
}

/** Those that do not work, of all that are used. */
function toolsFigure(connections: Connection[] | undefined): FigureOf {
  const label = "Tools failing";
  if (!connections) return { label, value: "–", detail: "not known", link: { to: "/tools" } };
  const used = connections.filter(({ state }) => state === "active");
  const failing = used.filter(isFailing).length;
  const untested = used.filter((each) => healthOf(each).state === "unknown").length;
  return {
    label,
    value: `${failing} of ${used.length}`,
    detail: untested > 0 ? `${untested} not tested` : "all are tested",
    link: { to: "/tools", search: failing > 0 ? { failing: true } : {} },
    isBad: failing > 0,
  };
}

/** What opened, in the live feed. */
function breakersFigure(breakers: Schemas["BreakerView"][] | undefined): FigureOf {
  if (!breakers) return { label: "Breakers", value: "–", detail: "not known", link: { to: "/feed" } };
  const providers = [...new Set(breakers.map(({ provider }) => provider))];
  return {
    label: "Breakers",
    value: providers.length === 0 ? "closed" : `${providers.length} open`,
    detail: providers.length === 0 ? "no provider is left alone" : `left alone: ${providers.join(", ")}`,
    link: { to: "/feed", search: providers[0] ? { search: providers[0] } : {} },
    isBad: providers.length > 0,
  };
}

function mutedOf(agents: Schemas["AgentView"][]): string {
  const muted = agents.filter(
    (agent) => agent.muted_until && new Date(agent.muted_until) > new Date(),
  ).length;
  return muted ? `${muted} muted` : "none muted";
}

function Figure({ label, value, detail, link, isBad }: FigureOf) {
  return (
    <Link {...link} className="figure">
      <Paper withBorder p="md" h="100%" className="figure">
        <Text size="sm" c="dimmed">
          {label}
        </Text>
        <Text fz={26} fw={650} lh={1.3} c={isBad ? "var(--mantine-color-error)" : undefined}>
          {value}
        </Text>
        <Text size="xs" c="dimmed">
          {detail}
        </Text>
      </Paper>
    </Link>
  );
}

const SPANS = { "60": 60, "360": 60, "1440": 72 } as const;
const UNTIL_NOW = { "60": "Last hour", "360": "6 hours", "1440": "24 hours" };
type Span = keyof typeof SPANS;
const AT_FIRST: Span = "60";

function Plots() {
  const asked = route.useSearch().minutes;
  const navigate = route.useNavigate();
  const span = (Object.keys(SPANS) as Span[]).find((each) => each === String(asked)) ?? AT_FIRST;
  const minutes = Number(span);
  const stats = useQuery({
    queryKey: ["stats", span],
    queryFn: () => ask(api.GET("/api/stats", { params: { query: { minutes } } })),
    refetchInterval: STATS_EVERY_MS,
    placeholderData: (before) => before,
  });
  if (stats.isPending) return <Waiting rows={3} />;
  if (stats.isError) return <Failed error={stats.error} again={() => void stats.refetch()} />;
  const of = (metric: string) =>
    columnsOf(
      stats.data.items.filter((p) => p.metric === metric),
      minutes,
      SPANS[span],
      new Date(),
    );
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label="How far back the plots go"
        size="xs"
        w="fit-content"
        value={span}
        onChange={(value) =>
          void navigate({
            search: { minutes: value === AT_FIRST ? undefined : Number(value) },
            replace: true,
            resetScroll: false,
          })
        }
        data={Object.entries(UNTIL_NOW).map(([value, label]) => ({ value, label }))}
      />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="sm">
        <Plot
          title="Events that came in"
          columns={of("events.received")}
          say={(total) => counted(total, "event")}
        />
        <Plot title="Runs that ended" columns={of("runs.finished")} say={(total) => counted(total, "run")} />
      </SimpleGrid>
    </Stack>
  );
}

/** Leads to what is missing, until nothing is, or somebody has had enough of it. */
function ToFirstSteps() {
  const [isEnough, setEnough] = useLocalStorage({ key: "oblivion.first-steps-seen", defaultValue: false });
  const steps = useSetup(STEPS_EVERY_MS, !isEnough).data?.items;
  if (isEnough || !steps || leftOf(steps) === 0) return null;
  return (
    <Alert
      variant="outline"
      title={`First steps: ${steps.length - leftOf(steps)} of ${steps.length} are done`}
    >
      <Text size="sm">{steps.find(({ name }) => name === nextOf(steps))?.sentence}</Text>
      <Group gap="xs" mt="xs">
        <Button component={Link} to="/first-steps" size="xs">
          Go on
        </Button>
        <Button size="xs" variant="default" onClick={() => setEnough(true)}>
          Not now
        </Button>
      </Group>
    </Alert>
  );
}
