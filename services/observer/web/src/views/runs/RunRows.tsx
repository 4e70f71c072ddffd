import { Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { api, ask, type Run } from "@/api/client";
import { lasted, Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { plainOf } from "@/parts/plain";
import { type Column, Rows } from "@/parts/Rows";
import { State } from "@/parts/State";
import { Mishaps } from "./Mishaps";

export const RUN_STATES = [
  "queued",
  "routed",
  "assigned",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
] as const;
export type RunState = (typeof RUN_STATES)[number];

export interface RunFilter {
  state?: RunState;
  agentId?: string;
  sessionId?: string;
  workflowId?: string;
}

const COLUMNS: Column<Run>[] = [
  {
    title: "Asked",
    cell: (run) => (
      <Link to="/runs/$runId" params={{ runId: run.id }} className="row-link">
        {plainOf(run.prompt) || "(nothing)"}
      </Link>
    ),
  },
  {
    title: "State",
    width: 142,
    cell: (run) => (
      <Group gap={4} wrap="nowrap">
        <State of={run.state} />
        <Mishaps run={run} isBrief />
      </Group>
    ),
  },
  { title: "Agent", width: 130, wide: true, cell: (run) => run.agent ?? "–" },
  { title: "By", width: 110, wide: true, cell: (run) => run.requested_by || "–" },
  { title: "From", width: 100, wide: true, cell: (run) => run.source },
  { title: "Took", width: 90, wide: true, cell: took },
  { title: "Cost", width: 90, wide: true, cell: (run) => costOf(run.usage) },
  {
    title: "When",
    width: 104,
    cell: (run) => (
      <Text size="sm" c="dimmed" component="span">
        <Moment at={run.created_at} />
      </Text>
    ),
  },
];

function took(run: Run): string {
  if (!run.finished_at) return "–";
  return lasted(new Date(run.finished_at).getTime() - new Date(run.created_at).getTime());
}

/** What its agent reports, as precise as cents are too coarse for one run. */
export function costOf(usage: Run["usage"]): string {
  return usage.model || usage.cost_usd ? `$${(usage.cost_usd ?? 0).toFixed(4)}` : "–";
}

/** Columns that would say the same of every run. */
function knownBy(filter: RunFilter): string[] {
  if (filter.agentId) return ["Agent", "From"];
  return filter.workflowId ? ["From", "Took"] : [];
}

/** What will be seen where nothing is yet. */
function whatComes({ state, agentId, workflowId }: RunFilter): string {
  if (state) return "None is like that now.";
  if (workflowId) return "Each time that it runs appears here, newest first.";
  return `What people ask ${agentId ? "this agent" : "the agents"} appears here, newest first.`;
}

/** Runs, newest first, as they come. */
export function RunRows({ filter }: { filter: RunFilter }) {
  const pages = usePages<Run>({
    key: ["runs", "list", filter],
    load: (cursor) =>
      ask(
        api.GET("/api/runs", {
          params: {
            query: {
              cursor,
              limit: 100,
              state: filter.state,
              agent_id: filter.agentId,
              session_id: filter.sessionId,
              workflow_id: filter.workflowId,
            },
          },
        }),
      ),
    everyMs: 10_000,
  });
  return (
    <Rows
      label="Runs"
      columns={COLUMNS.filter(({ title }) => !knownBy(filter).includes(title))}
      pages={pages}
      idOf={(run) => run.id}
      empty={{ title: "No runs", text: whatComes(filter) }}
    />
  );
}
