import { Group, Paper, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "@/api/client";
import { Asking } from "@/parts/Asking";
import { Moment } from "@/parts/Moment";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { ChannelName } from "../workflows/ChannelName";
import { channelOf, KINDS } from "./rules";
import { SetRule } from "./SetRule";

type Rule = Schemas["RouteRule"];

/** What comes before any guessing; set and dropped by admins. */
export function Rules({ maySet }: { maySet: boolean }) {
  const rules = useQuery({ queryKey: ["rules"], queryFn: () => ask(api.GET("/api/routes/rules")) });
  if (rules.isPending) return <Waiting rows={2} />;
  if (rules.isError) return <Failed error={rules.error} again={() => void rules.refetch()} />;
  return (
    <Paper withBorder p="md" component="section" aria-label="Rules">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          Rules
        </Title>
        {maySet && <SetRule />}
      </Group>
      {rules.data.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          None: whatever is not said to an agent by name is routed by its words.
        </Text>
      ) : (
        <Listed rules={rules.data.items} maySet={maySet} />
      )}
    </Paper>
  );
}

function Listed({ rules, maySet }: { rules: Rule[]; maySet: boolean }) {
  return (
    <Table aria-label="Rules">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Rule</Table.Th>
          <Table.Th>Agent</Table.Th>
          <Table.Th>Where</Table.Th>
          <Table.Th className="wide">Until</Table.Th>
          {maySet && <Table.Th aria-label="What can be done" />}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rules.map((rule) => (
          <Table.Tr key={rule.id}>
            <Table.Td>{KINDS[rule.kind]}</Table.Td>
            <Table.Td>{rule.agent}</Table.Td>
            <Table.Td>
              <Where rule={rule} maySet={maySet} />
            </Table.Td>
            <Table.Td className="wide">
              {rule.expires_at ? <Moment at={rule.expires_at} /> : "it is dropped"}
            </Table.Td>
            {maySet && (
              <Table.Td>
                <Drop rule={rule} />
              </Table.Td>
            )}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Where({ rule, maySet }: { rule: Rule; maySet: boolean }) {
  const channel = channelOf(rule.scope);
  if (channel === null) return "everywhere";
  return maySet ? <ChannelName channel={channel} /> : channel;
}

function Drop({ rule }: { rule: Rule }) {
  const drop = useDoing({
    run: () => ask(api.DELETE("/api/routes/rules/{rule_id}", { params: { path: { rule_id: rule.id } } })),
    done: "The rule is dropped.",
    changes: [["rules"]],
  });
  return (
    <Asking
      verb="Drop"
      title="Drop the rule?"
      doing={drop}
      size="compact-sm"
      label={`Drop the rule for ${rule.agent}`}
    >
      Messages are routed by their words again, or by the rules that are left.
    </Asking>
  );
}
