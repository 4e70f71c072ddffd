import { Button, Modal, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ask, type Connection, hub } from "@/api/client";
import { Asking } from "@/parts/Asking";
import { EndOfForm } from "@/parts/EndOfForm";
import { useDoing } from "@/parts/useDoing";
import { Change } from "./Change";
import { useProviders } from "./Connect";
import { change, useIsTested, useTest } from "./doings";
import { asksForSecret, clientOf, type Kind } from "./kinds";
import { AppFields, SecretField } from "./SecretFields";
import { useSending } from "./useSending";

interface Parts {
  connection: Connection;
  kind: Kind;
}

/** What an admin does with a connection. */
export function ConnectionActions({ connection, kind }: Parts) {
  const isActive = connection.state === "active";
  const toggle = useDoing({
    run: () => change(connection.id, { state: isActive ? "disabled" : "active" }),
    done: isActive ? "Its tools are offered to nobody." : "Its tools are offered again.",
    changes: [["connections"]],
  });
  return (
    <>
      {isActive && <Test connection={connection} />}
      <Change connection={connection} kind={kind} />
      <Replace connection={connection} kind={kind} />
      <Button variant="default" loading={toggle.isPending} onClick={() => toggle.mutate(undefined)}>
        {isActive ? "Disable" : "Enable"}
      </Button>
      <Delete connection={connection} />
    </>
  );
}

function Test({ connection }: { connection: Connection }) {
  const test = useTest(connection);
  return (
    <Button loading={useIsTested(connection.id)} onClick={() => test.mutate(undefined)}>
      Test
    </Button>
  );
}

/** Another key, or another app to sign in with. */
function Replace({ connection, kind }: Parts) {
  const [isOpen, { open, close }] = useDisclosure();
  const client = useQueryClient();
  const redirectUri = useProviders().data?.redirect_uri ?? null;
  const test = useTest(connection);
  const isApp = connection.auth === "oauth";
  const { onSubmit, problem, isSending } = useSending(async (form) => {
    const wish = isApp ? { client: clientOf(form) } : { secret: String(form.get("secret")).trim() };
    await change(connection.id, wish);
    await client.invalidateQueries({ queryKey: ["connections"] });
    notifications.show({ message: isApp ? "Now sign in again." : "The key is replaced.", color: "green" });
    close();
    // A new key that nobody has tried would stand there with what was said of the old one.
    if (!isApp && connection.state === "active") test.mutate(undefined);
  });
  if (!isApp && !asksForSecret(kind, connection.auth)) return null;
  const title = isApp ? "Replace the app" : "Replace the key";
  return (
    <>
      <Button variant="default" onClick={open}>
        {title}
      </Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title={`${title} of ${connection.name}`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <form onSubmit={(event) => void onSubmit(event)}>
          <Stack>
            {isApp ? (
              <AppFields kind={kind} redirectUri={redirectUri} isRequired />
            ) : (
              <SecretField kind={kind} isRequired />
            )}
            <EndOfForm verb="Replace" problem={problem} isSending={isSending} />
          </Stack>
        </form>
      </Modal>
    </>
  );
}

function Delete({ connection }: { connection: Connection }) {
  const navigate = useNavigate();
  const remove = useDoing({
    run: () =>
      ask(hub.DELETE("/connections/{connection_id}", { params: { path: { connection_id: connection.id } } })),
    done: `${connection.name} is deleted.`,
    changes: [["connections", "list"]],
    after: () => void navigate({ to: "/tools" }),
  });
  return (
    <Asking verb="Delete" title={`Delete ${connection.name}?`} doing={remove}>
      Its tools are gone at once, and its key is never used again. What was done with it stays on record.
    </Asking>
  );
}
