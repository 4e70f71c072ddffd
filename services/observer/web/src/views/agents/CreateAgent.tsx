import { Alert, Button, Collapse, Group, Modal, Stack, Tabs, Text, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { Copied } from "@/parts/Copied";
import { EndOfForm } from "@/parts/EndOfForm";
import { DefinitionFields } from "./DefinitionFields";
import { NEW } from "./definition";
import { agentYaml, type Definition } from "./yaml";

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Registers an agent, or shows the resource that makes the cluster do so. */
export function CreateAgent() {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button onClick={open}>Create an agent</Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title="Create an agent"
        size="lg"
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Creation onDone={close} />
      </Modal>
    </>
  );
}

function Creation({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [definition, setDefinition] = useState<Definition>(NEW);
  const change = (changed: Partial<Definition>) => setDefinition((now) => ({ ...now, ...changed }));
  const create = useMutation({
    mutationFn: () => ask(api.POST("/api/agents", { body: { name, ...definition } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["agents"] }),
  });
  if (create.data) return <Created credentials={create.data.credentials} onDone={onDone} />;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <Stack>
        <NameField name={name} onChange={setName} />
        <Description value={definition} onChange={change} />
        <More value={definition} onChange={change} />
        <Tabs defaultValue="anywhere">
          <Tabs.List>
            <Tabs.Tab value="anywhere">Run it anywhere</Tabs.Tab>
            <Tabs.Tab value="cluster">On the cluster</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="anywhere" pt="md">
            <Stack>
              <Text size="sm">It is registered here, and you start it with the secret that it gets.</Text>
              <EndOfForm
                verb="Create"
                problem={create.error?.message}
                isSending={create.isPending}
                isIncomplete={!NAME.test(name)}
              />
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="cluster" pt="md">
            <OnTheCluster name={name} definition={definition} />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </form>
  );
}

function NameField({ name, onChange }: { name: string; onChange: (name: string) => void }) {
  return (
    <TextInput
      label="Name"
      description="People call it so: @fixer. Small letters, digits and dashes."
      required
      value={name}
      onChange={(event) => onChange(event.currentTarget.value.toLowerCase())}
      error={name !== "" && !NAME.test(name) ? "Small letters, digits and dashes." : null}
      data-autofocus
    />
  );
}

export function Description({
  value,
  onChange,
}: {
  value: Definition;
  onChange: (changed: Partial<Definition>) => void;
}) {
  return (
    <Textarea
      label="What for"
      description="The router reads it when it chooses an agent."
      autosize
      minRows={2}
      maxLength={2_000}
      value={value.description}
      onChange={(event) => onChange({ description: event.currentTarget.value })}
    />
  );
}

function More(parts: { value: Definition; onChange: (changed: Partial<Definition>) => void }) {
  const [isOpen, { toggle }] = useDisclosure();
  return (
    <>
      <Group>
        <Button variant="default" size="xs" aria-expanded={isOpen} onClick={toggle}>
          {isOpen ? "Less" : "Keywords, tools, limits and more"}
        </Button>
      </Group>
      <Collapse expanded={isOpen}>
        <DefinitionFields {...parts} />
      </Collapse>
    </>
  );
}

function OnTheCluster({ name, definition }: { name: string; definition: Definition }) {
  if (!NAME.test(name)) return <Text size="sm">Give it a name first.</Text>;
  return (
    <Stack>
      <Text size="sm">
        Nothing is registered here: apply this where the operator runs, in a namespace of this tenant. The
        operator registers it, and its pod gets a secret of its own.
      </Text>
      <Copied title="The YAML to apply" text={agentYaml(name, definition)} />
    </Stack>
  );
}

type Credentials = Schemas["ClientSecretIssued"];

/** The environment of an agent that is started with a new secret. */
export function environmentOf({ client_id: id, client_secret: secret }: Credentials): string {
  return `OBLIVION_URI=${location.origin}\nAGENT_ID=${id}\nAGENT_SECRET=${secret}`;
}

function Created({ credentials, onDone }: { credentials: Credentials; onDone: () => void }) {
  return (
    <Stack>
      <Alert color="yellow" variant="outline" title="The secret is shown this once">
        Keep it now; nobody can look it up later. A lost one is replaced on the agent's page.
      </Alert>
      <Copied title="Its environment, to start it anywhere" text={environmentOf(credentials)} />
      <Group justify="flex-end">
        <Button onClick={onDone}>I have kept it</Button>
      </Group>
    </Stack>
  );
}
