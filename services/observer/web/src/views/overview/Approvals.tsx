import { Alert, Code, Group, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Asking } from "@/parts/Asking";
import { Moment } from "@/parts/Moment";
import { plainOf } from "@/parts/plain";
import { Failed } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { useRun } from "../runs/useRun";
import { withoutFences } from "./fences";

/** What one run waits for: whoever may answer does it here, and a guest reads who does. */
export function ApprovalsOf({ runId, waits }: { runId: string; waits: boolean }) {
  const me = useMe().data;
  if (!me) return null;
  if (reaches(me.role, "user")) return <Approvals runId={runId} />;
  if (!waits) return null;
  return (
    <Alert color="yellow" variant="outline" role="status" title="Somebody of the team has to approve this">
      Guests do not decide it themselves. A member can, in the thread where it was asked; or an admin, on
      their Overview here. It goes on by itself once they have.
    </Alert>
  );
}

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

function Question({ approval, isElsewhere }: { approval: Schemas["Approval"]; isElsewhere: boolean }) {
  return (
    <Alert color="yellow" variant="outline" title="A run waits for your approval">
      {isElsewhere && <WhatFor runId={approval.run_id} />}
      <Asked approval={approval} />
      <Group mt="sm" gap="xs">
        <Answer approval={approval} approved />
        <Answer approval={approval} approved={false} />
        <Text size="xs" c="dimmed">
          asked <Moment at={approval.asked_at} />
        </Text>
      </Group>
    </Alert>
  );
}

/** What will be done once it is approved. */
function Asked({ approval }: { approval: Schemas["Approval"] }) {
  return (
    <>
      <Text className="words" size="sm">
        {approval.question}
      </Text>
      {withoutFences(approval.detail).map(({ place, text, isCode }) =>
        isCode ? (
          <Code key={place} block className="words" mt={4}>
            {text}
          </Code>
        ) : (
          <Text key={place} className="words" size="xs" c="dimmed" mt={4}>
            {text}
          </Text>
        ),
      )}
    </>
  );
}

const COMMENT_LENGTH_MAX = 2_000;
const ANSWERS = {
  approve: {
    verb: "Approve",
    title: "Approve this?",
    outcome: "It is done at once, as it stands here.",
    look: "going",
  },
  deny: {
    verb: "Deny",
    title: "Deny this?",
    outcome: "It is not done. The agent is told, and goes on without it.",
    look: "other",
  },
} as const;

function Answer({ approval, approved }: { approval: Schemas["Approval"]; approved: boolean }) {
  const [comment, setComment] = useState("");
  const { outcome, ...parts } = ANSWERS[approved ? "approve" : "deny"];
  const answer = useDoing({
    run: () =>
      ask(
        api.POST("/api/approvals/{approval_id}", {
          params: { path: { approval_id: approval.id } },
          body: { approved, comment },
        }),
      ),
    done: approved ? "Approved." : "Denied.",
    changes: [["approvals"], ["runs"]],
  });
  return (
    <Asking {...parts} size="xs" doing={answer}>
      <Stack gap="sm">
        <div>
          <Asked approval={approval} />
        </div>
        <Text size="sm">{outcome}</Text>
        <TextInput
          label="Comment"
          description="The agent and the thread are told."
          maxLength={COMMENT_LENGTH_MAX}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
      </Stack>
    </Asking>
  );
}

/** Who asked whom for what. Of a run in a channel that is somebody else's, only its question is shown. */
function WhatFor({ runId }: { runId: string }) {
  const run = useRun(runId).data;
  if (!run) return null;
  return (
    <Text size="sm" lineClamp={3} mb={4}>
      {run.requested_by || "Somebody"} asked {run.agent ?? "for"}:{" "}
      <Link to="/runs/$runId" params={{ runId }}>
        {plainOf(run.prompt) || "the run"}
      </Link>
    </Text>
  );
}
