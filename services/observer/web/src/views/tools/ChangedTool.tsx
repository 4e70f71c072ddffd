import { Button, Code, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { ask, type Connection, type HubSchemas, hub } from "@/api/client";
import { useDoing } from "@/parts/useDoing";
import { linesOf, marked } from "./definitions";

interface Parts {
  connection: Connection;
  tool: HubSchemas["OfferedTool"];
  maySet: boolean;
}

/** A tool whose server tells something else of it than before: agents do not get it until somebody agrees. */
export function ChangedTool({ connection, tool, maySet }: Parts) {
  const change = tool.change;
  const approve = useDoing({
    run: (seen: string) =>
      ask(
        hub.POST("/connections/{connection_id}/pins", {
          params: { path: { connection_id: connection.id } },
          // What was looked at, and nothing that came after it.
          body: { tools: [tool.tool], seen: { [tool.tool]: seen } },
        }),
      ),
    done: `${tool.name} is offered again.`,
    changes: [["connections"]],
  });
  if (change === null) return null;
  const before = change.before === null ? null : linesOf(change.before);
  const now = linesOf(change.now);
  return (
    <Paper withBorder p="md" component="article" aria-label={`Changed: ${tool.tool}`}>
      <Stack>
        <Group justify="space-between" align="flex-start">
          <div>
            <Title order={3} size="h5">
              <Code>{tool.name}</Code> is not what it was
            </Title>
            <Text size="sm">Its server changed what it says of it. Agents do not get it meanwhile.</Text>
          </div>
          {maySet && (
            <Button loading={approve.isPending} onClick={() => approve.mutate(change.hash)}>
              Approve
            </Button>
          )}
        </Group>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {before === null ? (
            <Text size="sm" c="dimmed">
              What it was is not on record.
            </Text>
          ) : (
            <Definition title="Before" lines={marked(before, now)} />
          )}
          <Definition title="Now" lines={marked(now, before ?? now)} />
        </SimpleGrid>
      </Stack>
    </Paper>
  );
}

function Definition({ title, lines }: { title: string; lines: ReturnType<typeof marked> }) {
  return (
    <section aria-label={title}>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      <Code block tabIndex={0} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {lines.map(({ key, text, isOther }) => (
          <div key={key}>{isOther ? <mark>{text}</mark> : text}</div>
        ))}
      </Code>
    </section>
  );
}
