import { Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Asking } from "@/parts/Asking";
import { Copied } from "@/parts/Copied";
import { EndOfForm } from "@/parts/EndOfForm";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { View } from "@/parts/View";
import { useWays, useWorkspace } from "@/shell/ways";
import { comingIn } from "./comingIn";

type User = Schemas["UserView"];
const ROLES = ["admin", "user", "guest"] as const;
type Role = (typeof ROLES)[number];

const COLUMNS: Column<User>[] = [
  { title: "Name", cell: (user) => user.name },
  { title: "E-mail", wide: true, cell: (user) => user.email ?? "–" },
  { title: "Role", width: 120, cell: (user) => <RoleOf user={user} /> },
  { title: "Since", width: 110, wide: true, cell: (user) => <Moment at={user.created_at} /> },
  { title: "Access", width: 116, cell: (user) => <Admission user={user} /> },
];

/** Who may come in, and as what. */
export function Users() {
  const me = useMe().data;
  const pages = usePages<User>({
    key: ["users"],
    load: (cursor) => ask(api.GET("/api/users", { params: { query: { cursor, limit: 100 } } })),
  });
  return (
    <View
      title="Users"
      about="Guests read and ask, users work, admins set."
      actions={me && reaches(me.role, "admin") ? <Invite /> : null}
    >
      <Rows
        label="Users"
        columns={COLUMNS}
        pages={pages}
        idOf={(user) => user.id}
        empty={{ title: "Nobody", text: "Let somebody in." }}
      />
    </View>
  );
}

/** What is changed is known beforehand, or said when it is. */
function useChange(user: User, known: Schemas["UserChange"] = {}) {
  return useDoing({
    run: (change: Schemas["UserChange"] | undefined) =>
      ask(
        api.PATCH("/api/users/{user_id}", {
          params: { path: { user_id: user.id } },
          body: change ?? known,
        }),
      ),
    done: `${user.name} is changed.`,
    changes: [["users"]],
  });
}

function RoleOf({ user }: { user: User }) {
  const change = useChange(user);
  return (
    <Select
      aria-label={`Role of ${user.name}`}
      size="xs"
      data={[...ROLES]}
      value={user.role}
      allowDeselect={false}
      disabled={change.isPending || user.state === "disabled"}
      onChange={(role) => role && change.mutate({ role: role as Role })}
    />
  );
}

function Admission({ user }: { user: User }) {
  const letIn = useChange(user, { state: "active" });
  const shutOut = useChange(user, { state: "disabled" });
  if (user.state === "active") {
    return (
      <Asking
        verb="Shut out"
        title={`Shut out ${user.name}?`}
        doing={shutOut}
        size="compact-sm"
        label={`Shut out ${user.name}`}
      >
        They are signed out everywhere at once. What they did stays, and they can be let in again.
      </Asking>
    );
  }
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={letIn.isPending}
      aria-label={`Let in ${user.name}`}
      onClick={() => letIn.mutate(undefined)}
    >
      Let in
    </Button>
  );
}

function Invite() {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button onClick={open}>Let somebody in</Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title="Let somebody in"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Inviting onClose={close} />
      </Modal>
    </>
  );
}

/** Asks who, and then says how they get in: nobody is told by itself. */
function Inviting({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<User | null>(null);
  return made ? <ComingIn user={made} onClose={onClose} /> : <Who onMade={setMade} />;
}

function Who({ onMade }: { onMade: (user: User) => void }) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("user");
  const create = useDoing({
    run: () => ask(api.POST("/api/users", { body: { name, email: email || null, role } })),
    done: `${name} may come in.`,
    changes: [["users"]],
    after: onMade,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate(undefined);
      }}
    >
      <Stack>
        <TextInput
          label="Name"
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <TextInput
          label="E-mail"
          description="Verified by the identity provider, it is how they are recognised."
          type="email"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <Select
          label="Role"
          data={[...ROLES]}
          value={role}
          allowDeselect={false}
          onChange={(value) => setRole((value ?? "user") as Role)}
        />
        <EndOfForm
          verb="Let in"
          problem={create.error?.message}
          isSending={create.isPending}
          isIncomplete={!name.trim()}
        />
      </Stack>
    </form>
  );
}

function ComingIn({ user, onClose }: { user: User; onClose: () => void }) {
  const [slug] = useWorkspace();
  const ways = useWays(slug);
  if (ways.isPending) return <Waiting rows={2} />;
  const { sentences, command } = comingIn(user, ways.data);
  return (
    <Stack>
      {sentences.map((sentence) => (
        <Text key={sentence} size="sm">
          {sentence}
        </Text>
      ))}
      {command && <Copied title="In a terminal, where Oblivion runs" text={command} />}
      <Group justify="flex-end">
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Stack>
  );
}
