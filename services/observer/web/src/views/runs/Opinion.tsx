import { Button, Menu, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, type Run, type Schemas } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { useDoing } from "@/parts/useDoing";
import { AgentSelect } from "../mappings/AgentSelect";
import { OPINIONS, type OpinionKind } from "./opinions";

/** What the reader thinks of the answer, or of who gave it. */
export function Opinion({ run }: { run: Run }) {
  const [isOpen, { open, close }] = useDisclosure();
  const [agent, setAgent] = useState<string | null>(null);
  const label = useDoing({
    run: (body: Schemas["RunLabel"]) =>
      ask(api.POST("/api/runs/{run_id}/label", { params: { path: { run_id: run.id } }, body })),
    done: "Noted: admins see it under Routing.",
    changes: [["labels"]],
    after: close,
  });
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
            Opinion
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {Object.entries(OPINIONS).map(([kind, words]) => (
            <Menu.Item
              key={kind}
              onClick={() => (kind === "wrong_agent" ? open() : label.mutate({ kind: kind as OpinionKind }))}
            >
              {words}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={isOpen}
        onClose={close}
        title="The wrong agent"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            label.mutate({ kind: "wrong_agent", agent });
          }}
        >
          <Stack>
            <Text size="sm">{run.agent ? `${run.agent} answered.` : "No agent has answered yet."}</Text>
            <AgentSelect
              label="Which would have been right"
              nobody="I do not know"
              value={agent}
              onChange={setAgent}
            />
            <EndOfForm verb="Say so" problem={label.error?.message} isSending={label.isPending} />
          </Stack>
        </form>
      </Modal>
    </>
  );
}
