import { Button, Modal, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { type Agent, api, ask } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { useDoing } from "@/parts/useDoing";
import { isMuted } from "./Presence";

/** Lets an agent speak, or not. */
export function Muting({ agent }: { agent: Agent }) {
  const [isOpen, { open, close }] = useDisclosure();
  const unmute = useDoing({
    run: () => ask(api.POST("/api/agents/{agent_id}/unmute", { params: { path: { agent_id: agent.id } } })),
    done: `${agent.name} may speak again.`,
    changes: [["agents"]],
  });
  if (isMuted(agent)) {
    return (
      <Button variant="default" loading={unmute.isPending} onClick={() => unmute.mutate(undefined)}>
        Unmute
      </Button>
    );
  }
  return (
    <>
      <Button variant="default" onClick={open}>
        Mute
      </Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title={`Mute ${agent.name}`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Form agent={agent} onDone={close} />
      </Modal>
    </>
  );
}

function Form({ agent, onDone }: { agent: Agent; onDone: () => void }) {
  const [minutes, setMinutes] = useState(60);
  const [reason, setReason] = useState("");
  const params = { path: { agent_id: agent.id } };
  const mute = useDoing({
    run: () => ask(api.POST("/api/agents/{agent_id}/mute", { params, body: { minutes, reason } })),
    done: `${agent.name} is muted.`,
    changes: [["agents"]],
    after: onDone,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mute.mutate(undefined);
      }}
    >
      <Stack>
        <Text size="sm">Its messages are refused for a while; its answers still count.</Text>
        <NumberInput
          label="Minutes"
          min={1}
          max={10_080}
          value={minutes}
          onChange={(value) => setMinutes(Number(value) || 1)}
        />
        <TextInput label="Reason" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
        <EndOfForm verb="Mute" problem={mute.error?.message} isSending={mute.isPending} />
      </Stack>
    </form>
  );
}
