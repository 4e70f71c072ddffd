import { Button, Modal, NumberInput, Select, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { api, ask } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { useDoing } from "@/parts/useDoing";
import { AgentSelect } from "../mappings/AgentSelect";
import type { Place } from "../mappings/usePlaces";
import { ChannelSelect } from "../workflows/ChannelSelect";
import { endOf, KINDS, type Kind, scopeOf } from "./rules";

/** Sets a rule; there is one of each kind and place. */
export function SetRule() {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button size="xs" onClick={open}>
        Set a rule
      </Button>
      <Modal opened={isOpen} onClose={close} title="Set a rule" closeButtonProps={{ "aria-label": "Close" }}>
        <Form onDone={close} />
      </Modal>
    </>
  );
}

function Form({ onDone }: { onDone: () => void }) {
  const [kind, setKind] = useState<Kind>("default");
  const [agent, setAgent] = useState<string | null>(null);
  const [place, setPlace] = useState<Place | null>(null);
  const [hours, setHours] = useState<number | null>(null);
  const set = useDoing({
    run: (name: string) =>
      ask(
        api.PUT("/api/routes/rules", {
          body: { kind, agent: name, scope: scopeOf(place), expires_at: endOf(hours, new Date()) },
        }),
      ),
    done: "The rule is set.",
    changes: [["rules"]],
    after: onDone,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (agent !== null) set.mutate(agent);
      }}
    >
      <Stack>
        <Select
          label="When"
          data={Object.entries(KINDS).map(([value, label]) => ({ value, label }))}
          value={kind}
          allowDeselect={false}
          onChange={(value) => setKind((value ?? "default") as Kind)}
        />
        <AgentSelect label="Goes to" nobody="Choose an agent" value={agent} onChange={setAgent} />
        <ChannelSelect
          label="Where"
          description="None: everywhere."
          none="Everywhere"
          value={place?.external_id ?? null}
          onChange={(_, chosen) => setPlace(chosen ?? null)}
        />
        <NumberInput
          label="Hours"
          description="Empty: until it is dropped."
          min={1}
          max={8_760}
          allowDecimal={false}
          value={hours ?? ""}
          onChange={(typed) => setHours(typeof typed === "number" ? typed : null)}
        />
        <EndOfForm
          verb="Set"
          problem={set.error?.message}
          isSending={set.isPending}
          isIncomplete={agent === null}
        />
      </Stack>
    </form>
  );
}
