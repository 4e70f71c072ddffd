import { Alert, Badge, Button, Code, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, type Connection, type HubSchemas, hub } from "@/api/client";
import { Failed, Nothing, Waiting } from "@/parts/states";
import { ChangedTool } from "./ChangedTool";

export type Tool = HubSchemas["OfferedTool"];
const AT_FIRST = 50;

/** What agents can do with a connection, and what was withheld from them. */
export function ToolList({ connection, maySet }: { connection: Connection; maySet: boolean }) {
  const tools = useQuery({
    queryKey: ["connections", "tools", connection.id],
    queryFn: () =>
      ask(
        hub.GET("/connections/{connection_id}/tools", {
          params: { path: { connection_id: connection.id } },
        }),
      ),
    refetchInterval: 15_000,
  });
  if (tools.isPending) return <Waiting />;
  if (tools.isError && !tools.data) {
    return <Failed error={tools.error} again={() => void tools.refetch()} />;
  }
  const { items, problem } = tools.data;
  const changed = items.filter((tool) => tool.change !== null);
  return (
    <Stack>
      {problem !== null && (
        <Alert color="red" variant="outline" title="Its tools are withdrawn until it works again">
          {problem}
        </Alert>
      )}
      {changed.map((tool) => (
        <ChangedTool key={tool.tool} connection={connection} tool={tool} maySet={maySet} />
      ))}
      {items.length === 0 && problem === null && <Nothing title="It has no tools" />}
      {items.length > 0 && <Listed tools={items} />}
    </Stack>
  );
}

function Listed({ tools }: { tools: Tool[] }) {
  const [search, setSearch] = useState("");
  const [isWhole, setWhole] = useState(false);
  const found = tools.filter(({ name, description }) =>
    `${name} ${description}`.toLowerCase().includes(search.toLowerCase()),
  );
  return (
    <>
      <Text size="sm" c="dimmed">
        In conversations in which guests or strangers have a say, a tool that writes asks a member for
        approval, and one that deletes is not offered.
      </Text>
      {tools.length > AT_FIRST && (
        <TextInput
          aria-label="Search tools"
          placeholder="Search"
          maw={280}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <Stack gap="xs" component="ul" p={0} m={0} aria-label="Tools" style={{ listStyle: "none" }}>
        {found.slice(0, isWhole ? undefined : AT_FIRST).map((tool) => (
          <One key={`${tool.name} ${tool.tool}`} tool={tool} />
        ))}
      </Stack>
      {!isWhole && found.length > AT_FIRST && (
        <Button variant="default" onClick={() => setWhole(true)}>
          Show all {found.length}
        </Button>
      )}
    </>
  );
}

function One({ tool }: { tool: Tool }) {
  return (
    <Paper withBorder p="sm" component="li">
      <Group gap="xs">
        <Code style={{ overflowWrap: "anywhere" }}>{tool.name}</Code>
        {tool.withheld === null ? <Doing tool={tool} /> : <Mark color="red">withheld</Mark>}
      </Group>
      {tool.withheld !== null && <Text size="sm">{tool.withheld}</Text>}
      {tool.withheld === null && tool.disbelieved !== null && (
        <Text size="xs" c="dimmed" mt={4}>
          {tool.disbelieved}
        </Text>
      )}
      <Text className="words" size="sm" mt={4}>
        {tool.description}
      </Text>
    </Paper>
  );
}

function Doing({ tool }: { tool: Tool }) {
  if (tool.is_read_only) return <Mark color="green">reads</Mark>;
  return tool.is_destructive ? <Mark color="red">deletes</Mark> : <Mark color="yellow">writes</Mark>;
}

function Mark({ color, children }: { color: string; children: string }) {
  return (
    <Badge className="state" variant="dot" color={color} tt="none" fw={500}>
      {children}
    </Badge>
  );
}
