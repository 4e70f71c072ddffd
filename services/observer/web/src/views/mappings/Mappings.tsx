import { Button, Group, Modal, Paper, SimpleGrid, Stack, Switch, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArrowsExchange } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Mapping } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Asking } from "@/parts/Asking";
import { EndOfForm } from "@/parts/EndOfForm";
import { Moment } from "@/parts/Moment";
import { counted } from "@/parts/plain";
import { Failed, Nothing, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { View } from "@/parts/View";
import { Activity } from "./Activity";
import { channelOf, LinkPanel, listOf } from "./LinkPanel";
import { OptionsFields } from "./OptionsFields";
import { inWords, type Options, problemOf, wrongWith } from "./options";

const route = getRouteApi("/mappings");

/** Which ClickUp list follows which Slack channel. */
export function Mappings() {
  const me = useMe().data;
  const maySet = me ? reaches(me.role, "admin") : false;
  const [isLinking, { toggle, close }] = useDisclosure();
  const mappings = useQuery({
    queryKey: ["mappings"],
    queryFn: () => ask(api.GET("/api/mappings", { params: { query: { limit: 200 } } })),
    refetchInterval: 10_000,
  });
  const active = mappings.data?.items.filter((mapping) => mapping.state === "active");
  const isEmpty = active?.length === 0;
  return (
    <View
      title="Mappings"
      about="Tasks of a ClickUp list appear in its Slack channel, and replies go back."
      actions={
        maySet && active && !isEmpty ? (
          <Button variant={isLinking ? "default" : "filled"} aria-expanded={isLinking} onClick={toggle}>
            {isLinking ? "Close" : "Link a list"}
          </Button>
        ) : null
      }
    >
      {isEmpty && (
        <Nothing title="Nothing is linked yet">
          {maySet ? "Choose a list and a channel." : "An admin links lists to channels."}
        </Nothing>
      )}
      {maySet && active && (isEmpty || isLinking) && <LinkPanel linked={active} onLinked={close} />}
      {mappings.isPending && <Waiting />}
      {mappings.isError && !active && <Failed error={mappings.error} again={() => void mappings.refetch()} />}
      <Stack gap="sm">
        {active?.map((mapping) => (
          <One key={mapping.id} mapping={mapping} maySet={maySet} />
        ))}
      </Stack>
    </View>
  );
}

function One({ mapping, maySet }: { mapping: Mapping; maySet: boolean }) {
  const isOpen = route.useSearch().mapping === mapping.id;
  const navigate = route.useNavigate();
  const toggle = () =>
    void navigate({
      search: { mapping: isOpen ? undefined : mapping.id },
      replace: true,
      resetScroll: false,
    });
  const name = `${listOf(mapping)} and ${channelOf(mapping)}`;
  const problem = problemOf(mapping);
  return (
    <Paper withBorder p="md" component="article" aria-label={name}>
      <Group justify="space-between" align="flex-start">
        <Stack gap={4} style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Text fw={600}>{listOf(mapping)}</Text>
            <IconArrowsExchange size={18} aria-label="is linked to" />
            <Text fw={600}>{channelOf(mapping)}</Text>
          </Group>
          <Text size="sm" c="dimmed">
            Linked <Moment at={mapping.created_at} />; {inWords(mapping.options)}
          </Text>
          <Text size="sm" c="dimmed">
            {counted(mapping.tasks_shown, "task")} in the channel
            {mapping.last_event_at ? (
              <>
                ; the last event <Moment at={mapping.last_event_at} />
              </>
            ) : (
              "; no event yet"
            )}
          </Text>
          {problem && (
            <Text size="sm" c="var(--mantine-color-error)" role="alert">
              {problem}
            </Text>
          )}
        </Stack>
        {maySet && (
          <Group gap="xs">
            <Button variant="default" size="xs" aria-expanded={isOpen} onClick={toggle}>
              {isOpen ? "Less" : "Test and events"}
            </Button>
            <Change mapping={mapping} name={name} />
            <Unlink mapping={mapping} name={name} />
          </Group>
        )}
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2 }} mt="md" spacing="xs">
        <Comments mapping={mapping} maySet={maySet} />
      </SimpleGrid>
      {isOpen && <Activity mapping={mapping} />}
    </Paper>
  );
}

function useChange(mapping: Mapping, after?: () => void) {
  return useDoing({
    run: (options: Options) =>
      ask(
        api.PUT("/api/mappings/{mapping_id}", {
          params: { path: { mapping_id: mapping.id } },
          body: options,
        }),
      ),
    done: "Set.",
    changes: [["mappings"]],
    after,
  });
}

function Comments({ mapping, maySet }: { mapping: Mapping; maySet: boolean }) {
  const change = useChange(mapping);
  return (
    <Switch
      label="Comments appear in the thread"
      checked={mapping.options.mirror_comments}
      disabled={!maySet || change.isPending}
      onChange={(event) =>
        change.mutate({ ...mapping.options, mirror_comments: event.currentTarget.checked })
      }
    />
  );
}

function Change({ mapping, name }: { mapping: Mapping; name: string }) {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" size="xs" onClick={open}>
        Options
      </Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title={`Options of ${name}`}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <OptionsForm mapping={mapping} onDone={close} />
      </Modal>
    </>
  );
}

function OptionsForm({ mapping, onDone }: { mapping: Mapping; onDone: () => void }) {
  const [options, setOptions] = useState<Options>(mapping.options);
  const change = useChange(mapping, onDone);
  const wrong = wrongWith(options);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate(options);
      }}
    >
      <Stack>
        <OptionsFields value={options} onChange={setOptions} />
        <EndOfForm verb="Save" problem={wrong} isSending={change.isPending} isIncomplete={wrong !== null} />
      </Stack>
    </form>
  );
}

function Unlink({ mapping, name }: { mapping: Mapping; name: string }) {
  const unlink = useDoing({
    run: () =>
      ask(api.DELETE("/api/mappings/{mapping_id}", { params: { path: { mapping_id: mapping.id } } })),
    done: "Unlinked.",
    changes: [["mappings"]],
  });
  return (
    <Asking verb="Unlink" title={`Unlink ${name}?`} doing={unlink} size="xs">
      Messages and tasks stay where they are, and are no longer followed.
    </Asking>
  );
}
