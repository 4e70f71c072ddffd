import {
  Button,
  Group,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { AgentSelect } from "../mappings/AgentSelect";
import { ChannelSelect } from "./ChannelSelect";
import { ownZone, type Workflow, whenNext, zones } from "./schedule";

type Definition = Schemas["WorkflowDefinition"];

interface Parts {
  /** The one to change; none: a new one. */
  workflow?: Workflow;
  onSaved?: (workflow: Workflow) => void;
}

/** Opens the form; for admins, who alone may save it. */
export function EditWorkflow({ workflow, onSaved }: Parts) {
  const [isOpen, { open, close }] = useDisclosure();
  const title = workflow ? `Change ${workflow.name}` : "Create a workflow";
  return (
    <>
      <Button variant={workflow ? "default" : "filled"} onClick={open}>
        {workflow ? "Change" : "Create a workflow"}
      </Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title={title}
        size="lg"
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Form workflow={workflow} onDone={close} onSaved={onSaved} />
      </Modal>
    </>
  );
}

function begin(workflow?: Workflow): Definition {
  return {
    name: workflow?.name ?? "",
    prompt: workflow?.prompt ?? "",
    agent: workflow?.agent ?? null,
    slack_channel: workflow?.slack_channel ?? null,
    schedule: workflow?.schedule ?? null,
    timezone: workflow?.timezone ?? ownZone(),
    enabled: workflow?.enabled ?? true,
  };
}

function save(body: Definition, workflow?: Workflow): Promise<Workflow> {
  if (!workflow) return ask(api.POST("/api/workflows", { body }));
  const params = { path: { workflow_id: workflow.id } };
  return ask(api.PUT("/api/workflows/{workflow_id}", { params, body }));
}

function Form({ workflow, onDone, onSaved }: Parts & { onDone: () => void }) {
  const client = useQueryClient();
  const [wish, setWish] = useState(() => begin(workflow));
  const set = (changed: Partial<Definition>) => setWish((now) => ({ ...now, ...changed }));
  const saving = useMutation({
    mutationFn: () => save({ ...wish, schedule: wish.schedule?.trim() || null }, workflow),
    onSuccess: () => client.invalidateQueries({ queryKey: ["workflows"] }),
  });
  if (saving.data) {
    const saved = saving.data;
    return (
      <Stack>
        <Text role="status">
          {saved.name} is saved. {whenNext(saved)}
        </Text>
        <Group justify="flex-end">
          <Button
            data-autofocus
            onClick={() => {
              onDone();
              saving.reset();
              onSaved?.(saved);
            }}
          >
            Good
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        saving.mutate();
      }}
    >
      <Stack>
        <TextInput
          label="Name"
          required
          maxLength={100}
          value={wish.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          data-autofocus
        />
        <Textarea
          label="Prompt"
          description="What the agent is asked each time."
          required
          autosize
          minRows={3}
          value={wish.prompt}
          onChange={(event) => set({ prompt: event.currentTarget.value })}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }} verticalSpacing="sm">
          <AgentSelect
            label="Agent"
            description="None: the router chooses."
            value={wish.agent ?? null}
            onChange={(agent) => set({ agent })}
          />
          <ChannelSelect
            label="Channel"
            description="Where the result is posted."
            value={wish.slack_channel ?? null}
            onChange={(channel) => set({ slack_channel: channel })}
          />
          <TextInput
            label="Schedule"
            description="Five fields of cron: minute, hour, day, month, weekday. Empty: by hand only."
            placeholder="0 9 * * 1-5"
            maxLength={100}
            value={wish.schedule ?? ""}
            onChange={(event) => set({ schedule: event.currentTarget.value })}
          />
          <Select
            label="Time zone"
            description="In which the schedule is meant."
            data={zones(wish.timezone)}
            value={wish.timezone}
            searchable
            allowDeselect={false}
            limit={100}
            onChange={(timezone) => set({ timezone: timezone ?? "UTC" })}
          />
        </SimpleGrid>
        <Switch
          label="The clock runs it"
          checked={wish.enabled}
          onChange={(event) => set({ enabled: event.currentTarget.checked })}
        />
        <EndOfForm
          verb="Save"
          problem={saving.error?.message}
          isSending={saving.isPending}
          isIncomplete={!wish.name.trim() || !wish.prompt.trim()}
        />
      </Stack>
    </form>
  );
}
