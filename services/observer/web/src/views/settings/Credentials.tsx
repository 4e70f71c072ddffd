import { Code, Paper, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { wordsOf } from "@/parts/plain";
import { State } from "@/parts/State";
import { Failed, Nothing, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { commandOf, urgencyOf } from "./credentials";

type Credential = Schemas["CredentialView"];

/** Stored tokens, without their values: of what they are, when they end, and how they are replaced. */
export function Credentials() {
  const credentials = useQuery({
    queryKey: ["credentials"],
    queryFn: () => ask(api.GET("/api/credentials")),
    refetchInterval: 60_000,
  });
  return (
    <View title="Credentials" about="Tokens that Oblivion keeps, sealed; nobody can read one here.">
      {credentials.isPending && <Waiting />}
      {credentials.isError && !credentials.data && (
        <Failed error={credentials.error} again={() => void credentials.refetch()} />
      )}
      {credentials.data?.items.length === 0 && (
        <Nothing title="None is kept">What you connect keeps its token here.</Nothing>
      )}
      {credentials.data && credentials.data.items.length > 0 && <Listed items={credentials.data.items} />}
    </View>
  );
}

function Listed({ items }: { items: Credential[] }) {
  return (
    <Paper withBorder>
      <Table aria-label="Credentials" layout="fixed" verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Of</Table.Th>
            <Table.Th className="wide">What</Table.Th>
            <Table.Th className="wide">Kept since</Table.Th>
            <Table.Th className="wide">Used</Table.Th>
            <Table.Th w={96}>Ends</Table.Th>
            <Table.Th>Replaced by</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={item.id}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>
                {item.name}
                <Text size="xs" c="dimmed">
                  {wordsOf(item.source)}
                </Text>
              </Table.Td>
              <Table.Td className="wide">{wordsOf(item.kind)}</Table.Td>
              <Table.Td className="wide">
                <Moment at={item.created_at} />
              </Table.Td>
              <Table.Td className="wide">
                <Moment at={item.last_used_at} />
              </Table.Td>
              <Table.Td>
                <End at={item.expires_at} />
              </Table.Td>
              <Table.Td>
                <Replacing item={item} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

function End({ at }: { at: string | null }) {
  const urgency = urgencyOf(at, new Date());
  if (at === null) return "never";
  return (
    <>
      {urgency !== "none" && (
        <State of={urgency === "past" ? "failed" : "waiting"}>{urgency === "past" ? "over" : "soon"}</State>
      )}{" "}
      <Moment at={at} />
    </>
  );
}

function Replacing({ item }: { item: Credential }) {
  const command = commandOf(item);
  if (item.connection_id) {
    return (
      <Link to="/tools/$connectionId" params={{ connectionId: item.connection_id }}>
        its page
      </Link>
    );
  }
  return command ? <Code style={{ overflowWrap: "anywhere" }}>{command}</Code> : "–";
}
