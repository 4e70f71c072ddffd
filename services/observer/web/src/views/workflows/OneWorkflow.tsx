import { Button, Grid, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { api, ask } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Asking } from "@/parts/Asking";
import { Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { View } from "@/parts/View";
import { RunRows } from "../runs/RunRows";
import { ChannelName } from "./ChannelName";
import { type Workflow, whenNext } from "./schedule";
import { EditWorkflow } from "./WorkflowForm";

const route = getRouteApi("/workflows/$workflowId");

/** One workflow: what it asks, when it runs, what came of it. */
export function OneWorkflow() {
  const { workflowId } = route.useParams();
  const me = useMe().data;
  const workflow = useQuery({
    queryKey: ["workflows", "one", workflowId],
    queryFn: () =>
      ask(api.GET("/api/workflows/{workflow_id}", { params: { path: { workflow_id: workflowId } } })),
    refetchInterval: 5_000,
  });
  if (!workflow.data) {
    return (
      <View title="Workflow">
        {workflow.isError ? (
          <Failed error={workflow.error} again={() => void workflow.refetch()} />
        ) : (
          <Waiting />
        )}
      </View>
    );
  }
  const found = workflow.data;
  const maySet = me ? reaches(me.role, "admin") : false;
  return (
    <View
      title={found.name}
      about={whenNext(found)}
      actions={
        <>
          <RunNow workflow={found} />
          {maySet && <EditWorkflow workflow={found} />}
          {maySet && <Delete workflow={found} />}
        </>
      }
    >
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            <Paper withBorder p="md">
              <Text className="words">{found.prompt}</Text>
            </Paper>
            <Title order={2} size="h4">
              Its runs
            </Title>
            <RunRows filter={{ workflowId: found.id }} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Pairs title="How it is" pairs={factsOf(found, maySet)} />
        </Grid.Col>
      </Grid>
    </View>
  );
}

function factsOf(workflow: Workflow, maySet: boolean): [string, ReactNode][] {
  const channel = workflow.slack_channel;
  return [
    ["Agent", workflow.agent ?? "the router chooses"],
    ["Channel", channel ? maySet ? <ChannelName key="channel" channel={channel} /> : channel : "none"],
    ["Schedule", workflow.schedule ?? "by hand"],
    ["Time zone", workflow.timezone],
    ["Next run", <Moment key="next" at={workflow.next_run_at} />],
    ["Last run", <LastRun key="last" workflow={workflow} />],
    ["Created", <Moment key="created" at={workflow.created_at} />],
  ];
}

function LastRun({ workflow }: { workflow: Workflow }) {
  if (!workflow.last_run_id) return <Moment at={null} />;
  return (
    <Link to="/runs/$runId" params={{ runId: workflow.last_run_id }}>
      <Moment at={workflow.last_run_at} />
    </Link>
  );
}

function RunNow({ workflow }: { workflow: Workflow }) {
  const run = useDoing({
    run: () =>
      ask(api.POST("/api/workflows/{workflow_id}/run", { params: { path: { workflow_id: workflow.id } } })),
    done: `${workflow.name} is running.`,
    changes: [["workflows"], ["runs"]],
  });
  return (
    <>
      {run.data && (
        <Link to="/runs/$runId" params={{ runId: run.data.run_id }}>
          See the run
        </Link>
      )}
      <Button loading={run.isPending} onClick={() => run.mutate(undefined)}>
        Run now
      </Button>
    </>
  );
}

function Delete({ workflow }: { workflow: Workflow }) {
  const navigate = route.useNavigate();
  const remove = useDoing({
    run: () =>
      ask(api.DELETE("/api/workflows/{workflow_id}", { params: { path: { workflow_id: workflow.id } } })),
    done: `${workflow.name} is deleted.`,
    changes: [["workflows", "list"]],
    after: () => void navigate({ to: "/workflows" }),
  });
  return (
    <Asking verb="Delete" title={`Delete ${workflow.name}?`} doing={remove}>
      The clock runs it no more. Its runs stay.
    </Asking>
  );
}
