import { Group, Switch, Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Connection } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Moment } from "@/parts/Moment";
import { type Column, Rows } from "@/parts/Rows";
import { State } from "@/parts/State";
import { View } from "@/parts/View";
import { Connect, useProviders } from "./Connect";
import { useConnections } from "./doings";
import { healthOf, isFailing } from "./health";
import { kindsOf } from "./kinds";
import { TestAll } from "./TestAll";

const route = getRouteApi("/tools");

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
  const { failing } = route.useSearch();
  const navigate = route.useNavigate();
  const providers = useProviders().data;
  const kinds = providers ? kindsOf(providers) : [];
  const pages = useConnections(10_000);
  return (
    <View
      title="Tools"
      about="What agents can work with, and how it is."
      actions={
        me && reaches(me.role, "admin") ? (
          <>
            <TestAll connections={pages.items} />
            <Connect />
          </>
        ) : null
      }
    >
      <Group>
        <Switch
          label="Only those that do not work"
          checked={failing ?? false}
          onChange={(event) =>
            void navigate({ search: { failing: event.currentTarget.checked || undefined }, replace: true })
          }
        />
      </Group>
      <Rows
        label="Connections"
        columns={columns(Object.fromEntries(kinds.map((kind) => [kind.provider, kind.title])))}
        pages={failing ? { ...pages, items: pages.items.filter(isFailing) } : pages}
        idOf={(connection) => connection.id}
        empty={
          pages.items.length > 0
            ? { title: "None fails", text: "As far as they were tested, all that is connected works." }
            : { title: "Nothing is connected", text: "Connect Notion, Jira or any MCP server." }
        }
      />
    </View>
  );
}
