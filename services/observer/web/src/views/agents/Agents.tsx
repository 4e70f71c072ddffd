import { Text, TextInput } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type Agent, api, ask } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { View } from "@/parts/View";
import { CreateAgent } from "./CreateAgent";
import { Presence } from "./Presence";

const route = getRouteApi("/agents");
const COLUMNS: Column<Agent>[] = [
  {
    title: "Name",
    width: 150,
    cell: (agent) => (
      <Link to="/agents/$agentId" params={{ agentId: agent.id }} className="row-link">
        <Text span fw={600} size="sm">
          {agent.name}
        </Text>
      </Link>
    ),
  },
  { title: "What for", wide: true, cell: (agent) => agent.description || "–" },
  { title: "Presence", width: 118, cell: (agent) => <Presence agent={agent} /> },
  { title: "Runs", width: 70, cell: (agent) => agent.running },
  { title: "Replicas", width: 90, wide: true, cell: (agent) => agent.online },
  { title: "Version", width: 120, wide: true, cell: (agent) => agent.versions?.join(", ") || "–" },
];

/** The roster, with who is online. */
export function Agents() {
  const { search = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const me = useMe().data;
  const pages = usePages<Agent>({
    key: ["agents", "roster"],
    load: (cursor) => ask(api.GET("/api/agents", { params: { query: { cursor, limit: 200 } } })),
    everyMs: 10_000,
  });
  const items = pages.items.filter((agent) =>
    `${agent.name} ${agent.description}`.toLowerCase().includes(search.toLowerCase()),
  );
  return (
    <View
      title="Agents"
      about="Who works here, and who is online."
      actions={me && reaches(me.role, "admin") ? <CreateAgent /> : null}
    >
      <TextInput
        aria-label="Search agents"
        placeholder="Search"
        maw={280}
        value={search}
        onChange={(event) => {
          const typed = event.currentTarget.value;
          void navigate({ search: { search: typed || undefined }, replace: true });
        }}
      />
      <Rows
        label="Agents"
        columns={COLUMNS}
        pages={{ ...pages, items }}
        idOf={(agent) => agent.id}
        empty={{
          title: "No agents",
          text: search ? "None is called so." : "Create one, or start one with the SDK.",
        }}
      />
    </View>
  );
}
