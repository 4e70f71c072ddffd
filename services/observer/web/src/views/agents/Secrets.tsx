import { Alert, Button, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Agent, api, ask, type Schemas } from "@/api/client";
import { Asking } from "@/parts/Asking";
import { Copied } from "@/parts/Copied";
import { Moment } from "@/parts/Moment";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { environmentOf } from "./CreateAgent";

/** What an agent proves itself with: replaced where it was lost, retired where it leaked. */
export function Secrets({ agent }: { agent: Agent }) {
  const client = useQueryClient();
  const params = { path: { agent_id: agent.id } };
  const secrets = useQuery({
    queryKey: ["agents", "secrets", agent.id],
    queryFn: () => ask(api.GET("/api/agents/{agent_id}/secrets", { params })),
  });
  const issue = useMutation({
    mutationFn: () => ask(api.POST("/api/agents/{agent_id}/secrets", { params })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["agents", "secrets", agent.id] }),
  });
  return (
    <Paper withBorder p="md" component="section" aria-label="Secrets">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h5">
            Secrets
          </Title>
          {agent.origin !== "resource" && (
            <Button
              size="xs"
              variant="default"
              loading={issue.isPending}
              onClick={() => issue.mutate()}
              disabled={agent.state !== "active"}
            >
              New secret
            </Button>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {agent.origin === "resource"
            ? "The operator keeps it in a Secret beside the resource."
            : "Two are live at most: a third retires the oldest."}
        </Text>
        {issue.isError && <Failed error={issue.error} />}
        {issue.data && (
          <Alert color="yellow" variant="outline" title="The secret is shown this once">
            <Copied title="Its environment" text={environmentOf(issue.data)} />
          </Alert>
        )}
        {secrets.isPending && <Waiting rows={2} />}
        {secrets.isError && <Failed error={secrets.error} again={() => void secrets.refetch()} />}
        {secrets.data && <Listed agent={agent} secrets={secrets.data.items} />}
      </Stack>
    </Paper>
  );
}

/** Until when an agent without a secret stays cut off. */
const UNTIL = {
  api: "until it is given a new secret.",
  squad: "until it is given a new secret, or the system starts again and gives it one.",
  resource: "until the operator writes its Secret again.",
};

function Listed({ agent, secrets }: { agent: Agent; secrets: Schemas["LiveSecret"][] }) {
  if (secrets.length === 0) return <Text size="sm">It has none, so it cannot sign in.</Text>;
  return (
    <Table aria-label="Live secrets" horizontalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Begins with</Table.Th>
          <Table.Th>Made</Table.Th>
          <Table.Th>Used</Table.Th>
          <Table.Th aria-label="What can be done" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {secrets.map((secret) => (
          <Table.Tr key={secret.id}>
            <Table.Td>{secret.prefix}…</Table.Td>
            <Table.Td>
              <Moment at={secret.created_at} />
            </Table.Td>
            <Table.Td>{secret.last_used_at ? <Moment at={secret.last_used_at} /> : "never"}</Table.Td>
            <Table.Td>
              <Retire agent={agent} secret={secret} isLast={secrets.length === 1} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface RetireParts {
  agent: Agent;
  secret: Schemas["LiveSecret"];
  isLast: boolean;
}

function Retire({ agent, secret, isLast }: RetireParts) {
  const retire = useDoing({
    run: () =>
      ask(
        api.DELETE("/api/agents/{agent_id}/secrets/{secret_id}", {
          params: { path: { agent_id: agent.id, secret_id: secret.id } },
        }),
      ),
    done: "The secret is worth nothing any more.",
    changes: [["agents", "secrets", agent.id]],
  });
  return (
    <Asking
      verb="Retire"
      title={`Retire the secret ${secret.prefix}…?`}
      doing={retire}
      size="compact-sm"
      label={`Retire ${secret.prefix}`}
    >
      Whoever signs in with it is refused from now on. Take the new one into use first.
      {isLast && (
        <Text size="sm" mt="xs" c="var(--mantine-color-error)">
          It is the last: {agent.name} is cut off within 15 minutes, and stays so {UNTIL[agent.origin]}
        </Text>
      )}
    </Asking>
  );
}
