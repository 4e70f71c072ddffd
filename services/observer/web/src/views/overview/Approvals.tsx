import { Alert, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { Failed } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";

/** Questions that runs wait for; nothing where there are none. `runId`: those of one run. */
export function Approvals({ runId }: { runId?: string }) {
  const waiting = useQuery({
    queryKey: ["approvals"],
    queryFn: () => ask(api.GET("/api/approvals")),
    refetchInterval: 10_000,
  });
  const items = waiting.data?.items.filter((one) => runId === undefined || one.run_id === runId) ?? [];
  if (waiting.isError && !waiting.data) {
    return <Failed error={waiting.error} again={() => void waiting.refetch()} />;
  }
  if (items.length === 0) return null;
  return (
    <Stack gap="sm">
      {items.map((approval) => (
        <Question key={approval.id} approval={approval} isElsewhere={runId === undefined} />
      ))}
    </Stack>
  );
}

const COMMENT_LENGTH_MAX = 2_000;

function Question({ approval, isElsewhere }: { approval: Schemas["Approval"]; isElsewhere: boolean }) {
  const [comment, setComment] = useState("");
  const answer = useDoing({
    run: (approved: boolean) =>
      ask(
        api.POST("/api/approvals/{approval_id}", {
          params: { path: { approval_id: approval.id } },
          body: { approved, comment },
        }),
      ),
    done: "Answered.",
    changes: [["approvals"], ["runs"]],
  });
  return (
    <Alert color="yellow" variant="outline" title="A run waits for your approval">
      <Text className="words" size="sm">
        {approval.question}
      </Text>
      {approval.detail && (
        <Text className="words" size="xs" c="dimmed" mt={4}>
          {approval.detail}
        </Text>
      )}
      <TextInput
        mt="sm"
        size="xs"
        maw={420}
        label="Comment"
        description="The agent and the thread are told."
        maxLength={COMMENT_LENGTH_MAX}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <Group mt="sm" gap="xs">
        <Button size="xs" loading={answer.isPending} onClick={() => answer.mutate(true)}>
          Approve
        </Button>
        <Button size="xs" variant="default" disabled={answer.isPending} onClick={() => answer.mutate(false)}>
          Deny
        </Button>
        {isElsewhere && (
          <Button size="xs" variant="subtle" component={Link} to={`/runs/${approval.run_id}`}>
            See the run
          </Button>
        )}
        <Text size="xs" c="dimmed">
          asked <Moment at={approval.asked_at} />
        </Text>
      </Group>
    </Alert>
  );
}
