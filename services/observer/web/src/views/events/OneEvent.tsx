import { Button, Drawer, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "@/api/client";
import { Copied } from "@/parts/Copied";
import { Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { counted } from "@/parts/plain";
import { State } from "@/parts/State";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { Failures } from "./Failures";
import { CAME_BY, effectOf } from "./words";

/** What became of one event; its body for who asks for it, which the audit log notes. */
export function OneEvent({ id, onClose }: { id?: string; onClose: () => void }) {
  return (
    <Drawer
      opened={id !== undefined}
      onClose={onClose}
      title="Event"
      position="right"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {id && <Shown id={id} />}
    </Drawer>
  );
}

function Shown({ id }: { id: string }) {
  const params = { path: { event_id: id } };
  const event = useQuery({
    queryKey: ["events", "one", id],
    queryFn: () => ask(api.GET("/api/events/{event_id}", { params })),
  });
  const replay = useDoing({
    run: () => ask(api.POST("/api/events/{event_id}/replay", { params })),
    done: "It is being handled again.",
    changes: [["events"]],
  });
  if (event.isPending) return <Waiting />;
  if (event.isError) return <Failed error={event.error} again={() => void event.refetch()} />;
  return (
    <Stack>
      <Pairs title={event.data.event_type} pairs={pairsOf(event.data)} />
      <Failures failures={event.data.failures} />
      {event.data.body_bytes !== null && <Body id={id} />}
      <Text size="sm" c="dimmed">
        Handled again, it does nothing twice: what it did already stays as it is.
      </Text>
      <Button
        loading={replay.isPending}
        disabled={event.data.body_bytes === null}
        onClick={() => replay.mutate(undefined)}
      >
        Replay
      </Button>
    </Stack>
  );
}

function Body({ id }: { id: string }) {
  const body = useMutation({
    mutationFn: () => ask(api.GET("/api/events/{event_id}/body", { params: { path: { event_id: id } } })),
  });
  if (body.data) return <Copied title="Its body, secrets masked" text={body.data.text ?? "purged"} />;
  return (
    <Stack gap="xs" align="flex-start">
      {body.isError && <Failed error={body.error} />}
      <Button size="xs" variant="default" loading={body.isPending} onClick={() => body.mutate()}>
        Show the body
      </Button>
      <Text size="xs" c="dimmed">
        The audit log notes who read it.
      </Text>
    </Stack>
  );
}

function pairsOf(event: Schemas["EventDetail"]): [string, React.ReactNode][] {
  return [
    ["State", <State key="state" of={event.state} />],
    ["Effect", effectOf(event.outcome)],
    ["Source", event.source],
    ["Came by", CAME_BY[event.transport]],
    ["About", event.subject],
    ["Received", <Moment key="received" at={event.received_at} />],
    ["Handled", <Moment key="handled" at={event.processed_at} />],
    ["Tries", event.attempts],
    ["Body", event.body_bytes === null ? "purged" : counted(event.body_bytes, "byte")],
    ["Id", event.id],
  ];
}
