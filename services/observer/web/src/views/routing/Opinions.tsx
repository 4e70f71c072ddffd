import { Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { OPINIONS } from "../runs/opinions";

type Label = Schemas["RouteLabel"];

const COLUMNS: Column<Label>[] = [
  {
    title: "Opinion",
    cell: (label) => (
      <Link to="/runs/$runId" params={{ runId: label.run_id }} className="row-link">
        {OPINIONS[label.kind]}
      </Link>
    ),
  },
  { title: "Better", width: 130, cell: (label) => label.agent ?? "–" },
  { title: "By", width: 130, wide: true, cell: (label) => label.labelled_by },
  { title: "When", width: 104, cell: (label) => <Moment at={label.at} /> },
];

/** What people thought of answers, and of who gave them; for admins. */
export function Opinions() {
  const pages = usePages<Label>({
    key: ["labels"],
    load: (cursor) => ask(api.GET("/api/routes/labels", { params: { query: { cursor, limit: 50 } } })),
  });
  return (
    <section aria-label="Opinions">
      <Title order={2} size="h4">
        Opinions
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        What people said of answers, newest first. They change no route by themselves: a rule, keywords or
        examples do.
      </Text>
      <Rows
        label="Opinions"
        columns={COLUMNS}
        pages={pages}
        idOf={(label) => label.id}
        empty={{ title: "No opinions yet", text: "People give them under a run, or in its thread." }}
      />
    </section>
  );
}
