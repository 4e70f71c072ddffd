import { Button, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Connection } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { change, useTest } from "./doings";
import { AddressField, Setting, TrustField } from "./Fields";
import { changeOf, type Kind, movesSecret } from "./kinds";
import { SecretField } from "./SecretFields";
import { useSending } from "./useSending";

interface Parts {
  connection: Connection;
  kind: Kind;
}

/** Its address, its settings, and whether it is trusted. */
export function Change({ connection, kind }: Parts) {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" onClick={open}>
        Change
      </Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title={`Change ${connection.name}`}
        size="lg"
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Form connection={connection} kind={kind} onDone={close} />
      </Modal>
    </>
  );
}

function Form({ connection, kind, onDone }: Parts & { onDone: () => void }) {
  const client = useQueryClient();
  const test = useTest(connection);
  // What it is when the form is opened: what comes meanwhile changes nothing that somebody typed.
  const [known] = useState(connection);
  const { onSubmit, problem, isSending } = useSending(async (form) => {
    const wish = changeOf(known, kind, form);
    if (Object.keys(wish).length > 0) {
      await change(known.id, wish);
      await client.invalidateQueries({ queryKey: ["connections"] });
      notifications.show({ message: `${known.name} is changed.`, color: "green" });
      // What was said of it before is said of something else.
      if (known.state === "active") test.mutate(undefined);
    }
    onDone();
  });
  return (
    <form onSubmit={(event) => void onSubmit(event)}>
      <Stack>
        {kind.isElsewhere && <Address known={known} kind={kind} />}
        {kind.fields.map((field) => (
          <Setting
            key={field.name}
            field={field}
            isRequired={field.isRequired && known.auth !== "oauth"}
            known={String(known.settings[field.name] ?? "")}
          />
        ))}
        <TrustField isTrusted={known.is_trusted} />
        <EndOfForm verb="Save" problem={problem} isSending={isSending} />
      </Stack>
    </form>
  );
}

function Address({ known, kind }: { known: Connection; kind: Kind }) {
  const [url, setUrl] = useState(known.url ?? "");
  return (
    <>
      <AddressField value={url} onChange={setUrl} />
      {movesSecret(known, url) && (
        <>
          <Text size="sm">
            At another address its key is needed again: no server sees one that is not its own.
          </Text>
          <SecretField kind={kind} isRequired />
        </>
      )}
    </>
  );
}
