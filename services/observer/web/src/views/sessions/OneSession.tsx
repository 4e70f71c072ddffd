import { Box, Button, Group, Paper, Stack, Switch, Text, Textarea } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useJobProgress } from "@oblivion/use-job-progress";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { Markdown } from "@/parts/Markdown";
import { Moment } from "@/parts/Moment";
import { plainOf } from "@/parts/plain";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { View } from "@/parts/View";
import { ApprovalsOf } from "../overview/Approvals";
import { waitsForApproval } from "../runs/words";
import { sends } from "./sends";
import { SAID_IN, type Source } from "./sources";

const route = getRouteApi("/sessions/$sessionId");

/** A conversation as its participants saw it, and what one wants to say next. */
export function OneSession() {
  const { sessionId } = route.useParams();
  const [runId, setRunId] = useState<string | null>(null);
  const session = useQuery({
    queryKey: ["sessions", "one", sessionId],
    queryFn: () =>
      ask(api.GET("/api/sessions/{session_id}", { params: { path: { session_id: sessionId } } })),
    refetchInterval: 5_000,
  });
  if (session.isError && !session.data) {
    return (
      <View title="Conversation">
        <Failed error={session.error} again={() => void session.refetch()} />
      </View>
    );
  }
  if (!session.data) {
    return (
      <View title="Conversation">
        <Waiting />
      </View>
    );
  }
  const { title, messages = [], agent, source, thread } = session.data;
  return (
    <View
      title={plainOf(title) || "Conversation"}
      about={`From ${SAID_IN[source]}${agent ? `, with ${agent}` : ""}`}
      actions={thread?.startsWith("slack:") ? <SeenInSlack session={session.data} /> : null}
    >
      <Stack gap="sm" component="section" aria-label="Messages" aria-live="polite">
        {messages.length === 0 && <Text c="dimmed">Nothing has been said yet.</Text>}
        {messages.map((message) => (
          <Message key={message.sequence} message={message} home={source} />
        ))}
        {runId && <Working runId={runId} sessionId={sessionId} onDone={() => setRunId(null)} />}
      </Stack>
      <Say sessionId={sessionId} onSaid={setRunId} />
    </View>
  );
}

/** Whether what is said here appears in the conversation's Slack thread too. */
function SeenInSlack({ session }: { session: Schemas["SessionSnapshot"] }) {
  const change = useDoing({
    run: (isSeen: boolean) =>
      ask(
        api.PATCH("/api/sessions/{session_id}", {
          params: { path: { session_id: session.id } },
          body: { visible_in_slack: isSeen },
        }),
      ),
    done: "Set.",
    changes: [["sessions"]],
  });
  return (
    <Switch
      label="Slack sees what is said here"
      checked={session.visible_in_slack ?? false}
      disabled={change.isPending}
      onChange={(event) => change.mutate(event.currentTarget.checked)}
    />
  );
}

interface MessageParts {
  message: Schemas["SessionMessage"];
  /** Where the conversation is held. */
  home: Source;
}

function Message({ message, home }: MessageParts) {
  const isMine = message.role === "user";
  return (
    <Paper withBorder p="md" ml={isMine ? { base: 0, sm: 60 } : 0} mr={isMine ? 0 : { base: 0, sm: 60 }}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {message.author || message.role}
          {message.source !== home && message.role === "user" && (
            <Text span size="xs" c="dimmed">
              {" "}
              from {SAID_IN[message.source]}
            </Text>
          )}
        </Text>
        <Text size="xs" c="dimmed">
          {message.run_id && (
            <Link to="/runs/$runId" params={{ runId: message.run_id }}>
              run
            </Link>
          )}{" "}
          <Moment at={message.at} />
        </Text>
      </Group>
      <Box mt={4}>
        <Markdown text={message.text} />
      </Box>
    </Paper>
  );
}

/** The run that answers what was just said, until it has. */
function Working({ runId, sessionId, onDone }: { runId: string; sessionId: string; onDone: () => void }) {
  const client = useQueryClient();
  const { steps, connection } = useJobProgress(runId);
  useEffect(() => {
    if (connection !== "ended" && connection !== "failed") return;
    void client.invalidateQueries({ queryKey: ["sessions", "one", sessionId] });
    onDone();
  }, [connection, client, sessionId, onDone]);
  const words = steps.findLast((step) => step.kind === "progress")?.data.text;
  const waits = waitsForApproval(steps);
  const said = typeof words === "string" && words ? words : "An agent is at it…";
  return (
    <>
      <Text size="sm" c="dimmed" role="status">
        {waits ? "It waits for an approval." : said}
      </Text>
      {waits && <ApprovalsOf runId={runId} waits />}
    </>
  );
}

function Say({ sessionId, onSaid }: { sessionId: string; onSaid: (runId: string) => void }) {
  const [text, setText] = useState("");
  // A phone's own keyboard has no Shift and Enter: there Enter is a new line, and the button sends.
  const hasKeyboard = useMediaQuery("(pointer: fine)", true, { getInitialValueInEffect: false });
  const say = useDoing({
    run: () =>
      ask(
        api.POST("/api/sessions/{session_id}/messages", {
          params: { path: { session_id: sessionId } },
          body: { text, source: "web" },
        }),
      ),
    changes: [["sessions", "one", sessionId]],
    after: (accepted) => {
      setText("");
      onSaid(accepted.run_id);
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() && !say.isPending) say.mutate(undefined);
      }}
    >
      <Stack gap="xs">
        <Textarea
          label="Say something"
          description={hasKeyboard ? "Enter sends it; Shift and Enter begin a new line." : undefined}
          inputWrapperOrder={["label", "input", "description", "error"]}
          onKeyDown={(event) => {
            if (!hasKeyboard || !sends(event.nativeEvent)) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
          autosize
          minRows={2}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={say.isPending} disabled={!text.trim()}>
            Send
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
