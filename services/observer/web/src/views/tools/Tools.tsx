import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ask, type Connection, hub } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { State } from "@/parts/State";
import { View } from "@/parts/View";
import { Connect, useProviders } from "./Connect";
import { healthOf } from "./health";
import { kindsOf } from "./kinds";

function columns(titles: Record<string, string>): Column<Connection>[] {
  return [
    {
      title: "Name",
      width: 150,
      cell: (connection) => (
        <Link to="/tools/$connectionId" params={{ connectionId: connection.id }} className="row-link">
          <Text span fw={600} size="sm">
            {connection.name}
          </Text>
        </Link>
      ),
    },
    { title: "What", width: 160, wide: true, cell: ({ provider }) => titles[provider] ?? provider },
    {
      title: "Health",
      width: 132,
      cell: (connection) => <State of={healthOf(connection).state}>{healthOf(connection).words}</State>,
    },
    {
      title: "Since",
      width: 104,
      wide: true,
      cell: (connection) => <Moment at={healthOf(connection).since} />,
    },
    { title: "In words", wide: true, cell: (connection) => healthOf(connection).detail },
  ];
}

/** What agents can work with, and how it is. */
export function Tools() {
  const me = useMe().data;
  const providers = useProviders().data;
  const kinds = providers ? kindsOf(providers) : [];
  const pages = usePages<Connection>({
    key: ["connections", "list"],
    load: () => ask(hub.GET("/connections")),
    everyMs: 10_000,
  });
  return (
    <View
      title="Tools"
      about="What agents can work with, and how it is."
      actions={me && reaches(me.role, "admin") ? <Connect /> : null}
    >
      <Rows
        label="Connections"
        columns={columns(Object.fromEntries(kinds.map((kind) => [kind.provider, kind.title])))}
        pages={pages}
        idOf={(connection) => connection.id}
        empty={{ title: "Nothing is connected", text: "Connect Notion, Jira or any MCP server." }}
      />
    </View>
  );
}
