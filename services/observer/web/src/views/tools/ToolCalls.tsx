import { Badge, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";
import { lasted, Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { wordsOf } from "@/parts/plain";
import { type Column, Rows } from "@/parts/Rows";
import { State } from "@/parts/State";

type Call = Schemas["ToolCallView"];

const COLUMNS: Column<Call>[] = [
  {
    title: "Tool",
    cell: (call) =>
      call.run_id ? (
        <Link to="/runs/$runId" params={{ runId: call.run_id }} className="row-link">
          {call.tool}
        </Link>
      ) : (
        call.tool
      ),
  },
  { title: "State", width: 118, cell: (call) => <State of={call.state} /> },
  { title: "Why", width: 150, wide: true, cell: (call) => (call.code ? wordsOf(call.code) : "–") },
  { title: "With", wide: true, cell: (call) => call.arguments.join(", ") || "nothing" },
  {
    title: "Kind",
    width: 110,
    wide: true,
    cell: (call) => (
      <Badge className="state" variant="dot" color={call.is_write ? "yellow" : "green"} tt="none" fw={500}>
        {call.is_write ? "writes" : "reads"}
      </Badge>
    ),
  },
  {
    title: "Took",
    width: 90,
    wide: true,
    cell: (call) => (call.elapsed_ms === null ? "–" : lasted(call.elapsed_ms)),
  },
  {
    title: "When",
    width: 104,
    cell: (call) => (
      <Text size="sm" c="dimmed" component="span">
        <Moment at={call.at} />
      </Text>
    ),
  },
];

/** Calls of a connection's tools, newest first; of their arguments the names alone. */
export function ToolCalls({ connectionId }: { connectionId: string }) {
  const pages = usePages<Call>({
    key: ["tool-calls", connectionId],
    load: (cursor) =>
      ask(
        api.GET("/api/tool-calls", {
          params: { query: { connection_id: connectionId, cursor, limit: 100 } },
        }),
      ),
    everyMs: 15_000,
  });
  return (
    <Rows
      label="Calls"
      columns={COLUMNS}
      pages={pages}
      idOf={(call) => call.id}
      empty={{ title: "Not called yet", text: "What agents call of it appears here, newest first." }}
    />
  );
}
