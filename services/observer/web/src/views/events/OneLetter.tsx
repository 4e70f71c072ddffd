import { Button, Drawer, Group, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { Asking } from "@/parts/Asking";
import { Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { wordsOf } from "@/parts/plain";
import { Failed, Waiting } from "@/parts/states";
import { Failures } from "./Failures";
import { behind } from "./letters";
import { useDiscard, useRetry } from "./useLetters";

/** One dead letter: why it was given up, and what becomes of it. */
export function OneLetter({ id, onClose }: { id?: string; onClose: () => void }) {
  return (
    <Drawer
      opened={id !== undefined}
      onClose={onClose}
      title="Dead letter"
      position="right"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {id && <Shown id={id} onDone={onClose} />}
    </Drawer>
  );
}

function Shown({ id, onDone }: { id: string; onDone: () => void }) {
  const letter = useQuery({
    queryKey: ["dead", "one", id],
    queryFn: () => ask(api.GET("/api/dead-letters/{letter_id}", { params: { path: { letter_id: id } } })),
  });
  const retry = useRetry(onDone);
  if (letter.isPending) return <Waiting />;
  if (letter.isError) return <Failed error={letter.error} again={() => void letter.refetch()} />;
  return (
    <Stack>
      <Pairs title={letter.data.what} pairs={pairsOf(letter.data)} />
      <Failures failures={letter.data.failures} />
      <Group>
        <Button loading={retry.isPending} onClick={() => retry.mutate({ ids: [id] })}>
          Retry
        </Button>
        <Discard choice={{ ids: [id] }} which="this letter" onDone={onDone} />
      </Group>
    </Stack>
  );
}

function pairsOf(letter: Schemas["DeadLetterDetail"]): [string, React.ReactNode][] {
  const link = behind(letter);
  return [
    ["Kind", letter.kind],
    ["About", letter.about],
    ["Cause", wordsOf(letter.cause)],
    ["Message", letter.message ?? "–"],
    ["Tries", letter.attempts],
    ["Since", <Moment key="since" at={letter.since} />],
    ...(link ? [["Behind it", <Behind key="link" {...link} />] as [string, React.ReactNode]] : []),
    ["Id", letter.id],
  ];
}

function Behind({ run, event }: { run?: string; event?: string }) {
  if (run) {
    return (
      <Link to="/runs/$runId" params={{ runId: run }}>
        The run
      </Link>
    );
  }
  return (
    <Link to="/events" search={{ event }}>
      The event
    </Link>
  );
}

interface DiscardParts {
  choice: Partial<Schemas["DeadLetterChoice"]>;
  which: string;
  onDone?: () => void;
}

/** Gives them up for good. */
export function Discard({ choice, which, onDone }: DiscardParts) {
  const [reason, setReason] = useState("");
  const discard = useDiscard(choice, reason, onDone);
  return (
    <Asking
      verb={`Discard ${which}`}
      title={`Discard ${which}?`}
      doing={discard}
      isIncomplete={!reason.trim()}
    >
      <Stack gap="sm">
        <Text size="sm">Given up for good. The audit log keeps the reason.</Text>
        <TextInput
          label="Reason"
          required
          maxLength={200}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Stack>
    </Asking>
  );
}
