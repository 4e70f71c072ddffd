import { Alert, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Mapping } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { useDoing } from "@/parts/useDoing";
import { OptionsFields } from "./OptionsFields";
import { type Options, USUAL, wrongWith } from "./options";
import { PlacePicker } from "./PlacePicker";
import { nameOf, type Place } from "./usePlaces";

interface Parts {
  linked: Mapping[];
  onLinked: () => void;
}

/** A list on the left, a channel on the right, and how they follow each other. */
export function LinkPanel({ linked, onLinked }: Parts) {
  const [list, setList] = useState<Place | null>(null);
  const [channel, setChannel] = useState<Place | null>(null);
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <PlacePicker
          kind="list"
          chosen={list}
          onChoose={setList}
          remarkOn={(place) =>
            remarkOn(
              linked.filter((each) => isOfList(each, place)),
              channelOf,
            )
          }
        />
        <PlacePicker
          kind="channel"
          chosen={channel}
          onChoose={setChannel}
          remarkOn={(place) =>
            remarkOn(
              linked.filter((each) => isOfChannel(each, place)),
              listOf,
            )
          }
        />
      </SimpleGrid>
      {list && channel && (
        <Terms
          key={`${list.external_id} ${channel.external_id}`}
          list={list}
          channel={channel}
          known={linked.find((each) => isOfList(each, list) && isOfChannel(each, channel))}
          onLinked={onLinked}
        />
      )}
    </Stack>
  );
}

interface TermsParts {
  list: Place;
  channel: Place;
  known: Mapping | undefined;
  onLinked: () => void;
}

function Terms({ list, channel, known, onLinked }: TermsParts) {
  const [options, setOptions] = useState<Options>(known?.options ?? USUAL);
  const wrong = wrongWith(options);
  const link = useDoing({
    run: () =>
      ask(
        api.POST("/api/mappings", {
          body: {
            clickup_integration_id: list.integration_id,
            clickup_list_id: list.external_id,
            clickup_list_name: list.name,
            slack_integration_id: channel.integration_id,
            slack_channel_id: channel.external_id,
            slack_channel_name: channel.name,
            options,
          },
        }),
      ),
    done: `${list.name} and ${nameOf(channel)} are linked.`,
    changes: [["mappings"]],
    after: onLinked,
  });
  return (
    <Paper withBorder p="md" component="section" aria-label="How they follow each other">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          link.mutate(undefined);
        }}
      >
        <Stack>
          <Title order={2} size="h5">
            {list.name} and {nameOf(channel)}
          </Title>
          {!channel.is_member && (
            <Alert color="yellow" variant="outline">
              Oblivion is not in {nameOf(channel)}, so nothing can be posted there yet. Type{" "}
              <strong>/invite @oblivion</strong> in it; what waits is posted then.
            </Alert>
          )}
          {known && <Text size="sm">They are linked already: these options replace theirs.</Text>}
          <OptionsFields value={options} onChange={setOptions} />
          <EndOfForm
            verb={known ? "Save" : "Link"}
            problem={wrong}
            isSending={link.isPending}
            isIncomplete={wrong !== null}
          />
        </Stack>
      </form>
    </Paper>
  );
}

function isOfList(mapping: Mapping, place: Place): boolean {
  return (
    mapping.clickup_list_id === place.external_id && mapping.clickup_integration_id === place.integration_id
  );
}

function isOfChannel(mapping: Mapping, place: Place): boolean {
  return (
    mapping.slack_channel_id === place.external_id && mapping.slack_integration_id === place.integration_id
  );
}

export function listOf(mapping: Mapping): string {
  return mapping.clickup_list_name || mapping.clickup_list_id;
}

export function channelOf(mapping: Mapping): string {
  return `#${mapping.slack_channel_name || mapping.slack_channel_id}`;
}

function remarkOn(mappings: Mapping[], nameOfOther: (mapping: Mapping) => string): string | null {
  return mappings.length === 0 ? null : `linked to ${mappings.map(nameOfOther).join(", ")}`;
}
