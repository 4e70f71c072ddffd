import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";

interface Doing {
  isPending: boolean;
  mutate: (input: undefined, after: { onSuccess: () => void }) => void;
}

interface Parts {
  /** What the button says that asks, and the one that does it. */
  verb: string;
  /** The question. */
  title: string;
  /** What will come of it. */
  children: ReactNode;
  doing: Doing;
  size?: "xs" | "compact-sm";
  /** Says more than the verb where several stand in a list. */
  label?: string;
  /** What is missing before it can be done. */
  isIncomplete?: boolean;
  look?: Look;
}

/** How a button looks, by what comes of it. */
type Look = keyof typeof LOOKS;
const LOOKS = {
  ending: { asks: { variant: "outline", color: "red" }, does: { color: "red" } },
  going: { asks: {}, does: {} },
  other: { asks: { variant: "default" }, does: {} },
};

/** Something that is not easily undone: asked for once more before it is done. */
export function Asking({ verb, title, children, doing, size, label, isIncomplete, look = "ending" }: Parts) {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button {...LOOKS[look].asks} size={size} onClick={open} aria-label={label}>
        {verb}
      </Button>
      <Modal opened={isOpen} onClose={close} title={title} closeButtonProps={{ "aria-label": "Close" }}>
        <Stack>
          <Text size="sm" component="div">
            {children}
          </Text>
          <Group justify="flex-end">
            <Button
              {...LOOKS[look].does}
              loading={doing.isPending}
              disabled={isIncomplete}
              onClick={() => doing.mutate(undefined, { onSuccess: close })}
            >
              {verb}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
