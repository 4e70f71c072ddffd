import { Button, Modal, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { type Agent, api, ask } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { useDoing } from "@/parts/useDoing";
import { Description } from "./CreateAgent";
import { DefinitionFields } from "./DefinitionFields";
import { definitionOf } from "./definition";
import type { Definition } from "./yaml";

/** Changes what an agent is; for those that were registered here. */
export function ChangeAgent({ agent }: { agent: Agent }) {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" onClick={open}>
        Change
      </Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title={`Change ${agent.name}`}
        size="lg"
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Form agent={agent} onDone={close} />
      </Modal>
    </>
  );
}

function Form({ agent, onDone }: { agent: Agent; onDone: () => void }) {
  const [definition, setDefinition] = useState<Definition>(() => definitionOf(agent));
  const change = (changed: Partial<Definition>) => setDefinition((now) => ({ ...now, ...changed }));
  const params = { path: { agent_id: agent.id } };
  const save = useDoing({
    run: () => ask(api.PUT("/api/agents/{agent_id}", { params, body: definition })),
    done: `${agent.name} is changed.`,
    changes: [["agents"]],
    after: onDone,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      <Stack>
        <Description value={definition} onChange={change} />
        <DefinitionFields value={definition} onChange={change} />
        <EndOfForm verb="Save" problem={save.error?.message} isSending={save.isPending} />
      </Stack>
    </form>
  );
}
