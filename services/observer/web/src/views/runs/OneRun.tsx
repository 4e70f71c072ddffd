import { Alert, Badge, Grid, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { type JobProgress, type Step, useJobProgress } from "@oblivion/use-job-progress";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { api, ask, type Run } from "@/api/client";
import { Markdown } from "@/parts/Markdown";
import { wordsOf } from "@/parts/plain";
import { State } from "@/parts/State";
import { Failed, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { ApprovalsOf } from "../overview/Approvals";
import { Facts } from "./Facts";
import { Mishaps } from "./Mishaps";
import { Routed } from "./Routed";
import { RunActions } from "./RunActions";
import { Steps } from "./Steps";
import type { ToolCall } from "./timeline";
import { useRun } from "./useRun";

const route = getRouteApi("/runs/$runId");
const CALLS_EVERY_MS = 5_000;

/** One run from the question to the answer, live. */
export function OneRun() {
  const { runId } = route.useParams();
  const client = useQueryClient();
  const run = useRun(runId);
  const progress = useJobProgress(runId);
  const calls = useCalls(runId, run.data?.finished_at == null);
  const turns = progress.steps.filter((step) => step.kind !== "progress").length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: Whatever is no mere progress changes the run's row, and so does its end.
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ["runs", "one", runId] });
    void client.invalidateQueries({ queryKey: ["runs", "calls", runId] });
    void client.invalidateQueries({ queryKey: ["approvals"] });
  }, [client, runId, turns, progress.connection]);
  if (run.isError && !run.data) {
    return (
      <View title="Run">
        <Failed error={run.error} again={() => void run.refetch()} />
      </View>
    );
  }
  if (!run.data) {
    return (
      <View title="Run">
        <Waiting />
      </View>
    );
  }
  return <Shown run={run.data} progress={progress} calls={calls.data?.items ?? []} />;
}

/** Of a run that goes on, asked again: a call is no step of it. */
function useCalls(runId: string, goesOn: boolean) {
  return useQuery({
    queryKey: ["runs", "calls", runId],
    queryFn: () => ask(api.GET("/api/runs/{run_id}/tool-calls", { params: { path: { run_id: runId } } })),
    refetchInterval: goesOn ? CALLS_EVERY_MS : false,
  });
}

function Shown({ run, progress, calls }: { run: Run; progress: JobProgress; calls: ToolCall[] }) {
  return (
    <View
      title="Run"
      about={
        <Group gap="xs">
          <State of={run.state}>{run.waiting_for ? `waits for the ${run.waiting_for}` : run.state}</State>
          <Mishaps run={run} />
          <span>{run.id}</span>
        </Group>
      }
      actions={<RunActions run={run} />}
    >
      <ApprovalsOf runId={run.id} waits={run.state === "waiting" && run.waiting_for === "approval"} />
      <Bar run={run} steps={progress.steps} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            <Said title={`${run.requested_by || "Somebody"} asked`} text={run.prompt} />
            {run.result && <Said title={`${run.agent ?? "The agent"} answered`} text={run.result} />}
            {run.failure && (
              <Alert color="red" variant="outline" title="It failed">
                {run.failure.message} ({wordsOf(run.failure.code)})
              </Alert>
            )}
            <Paper withBorder p="md">
              <Stack>
                <Title order={2} size="h4">
                  Steps <Live connection={progress.connection} />
                </Title>
                <Steps steps={progress.steps} calls={calls} />
              </Stack>
            </Paper>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack>
            <Facts run={run} />
            <Routed runId={run.id} />
            <Text size="sm">
              <Link to="/sessions/$sessionId" params={{ sessionId: run.session_id }}>
                The whole conversation
              </Link>
            </Text>
          </Stack>
        </Grid.Col>
      </Grid>
    </View>
  );
}

function Said({ title, text }: { title: string; text: string }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h5" mb={4}>
        {title}
      </Title>
      <Markdown text={text} />
    </Paper>
  );
}

const WAITED_FOR = { approval: "an approval", agent: "its agent" };

function Bar({ run, steps }: { run: Run; steps: readonly Step[] }) {
  if (run.finished_at) return null;
  const newest = steps.findLast((step) => step.kind === "progress")?.data;
  const percent = typeof newest?.percent === "number" ? newest.percent : (run.percent ?? 0);
  const words = typeof newest?.text === "string" ? newest.text : run.progress;
  const usual_s = Math.round(run.expected_s ?? 0);
  const usual = usual_s > 0 ? ` Usually it takes ${usual_s} s.` : "";
  return (
    <Stack gap={4}>
      <Progress.Root size="lg">
        <Progress.Section value={Math.max(percent, 3)} animated aria-label="Progress of the run" />
      </Progress.Root>
      <Text size="sm" c="dimmed" aria-live="polite">
        {run.state === "waiting" && run.waiting_for
          ? `It waits for ${WAITED_FOR[run.waiting_for]}.`
          : `${words || "It has begun."}${usual}`}
      </Text>
    </Stack>
  );
}

const SAID = {
  connecting: "connecting",
  live: "live",
  polling: "asked every 2 s",
  ended: "complete",
  failed: "not followed",
};

function Live({ connection }: { connection: JobProgress["connection"] }) {
  const color = connection === "live" ? "green" : connection === "failed" ? "red" : "dimmed";
  return (
    <Badge className="state" variant="dot" color={color} tt="none" fw={500} data-connection={connection}>
      {SAID[connection]}
    </Badge>
  );
}
