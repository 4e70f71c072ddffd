import { Link } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { plainOf } from "@/parts/plain";
import { type Column, Rows } from "@/parts/Rows";
import { View } from "@/parts/View";
import { NewConversation } from "./NewConversation";

type Summary = Schemas["SessionSummary"];

const COLUMNS: Column<Summary>[] = [
  {
    title: "About",
    cell: (session) => (
      <Link to="/sessions/$sessionId" params={{ sessionId: session.id }} className="row-link">
        {plainOf(session.title) || "Untitled"}
      </Link>
    ),
  },
  { title: "Agent", width: 130, cell: (session) => session.agent ?? "–" },
  { title: "From", width: 110, wide: true, cell: (session) => session.source },
  { title: "Last said", width: 110, cell: (session) => <Moment at={session.updated_at} /> },
];

/** Conversations, the newest change first. */
export function Sessions() {
  const pages = usePages<Summary>({
    key: ["sessions", "list"],
    load: (cursor) => ask(api.GET("/api/sessions", { params: { query: { cursor, limit: 100 } } })),
    everyMs: 10_000,
  });
  return (
    <View title="Sessions" about="Conversations, wherever they are held." actions={<NewConversation />}>
      <Rows
        label="Sessions"
        columns={COLUMNS}
        pages={pages}
        idOf={(session) => session.id}
        empty={{ title: "No conversations", text: "Begin one here, or write to an agent in Slack." }}
      />
    </View>
  );
}
