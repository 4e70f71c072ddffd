import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { View } from "@/parts/View";

type Line = Schemas["AuditLine"];

const COLUMNS: Column<Line>[] = [
  { title: "What", cell: (line) => line.action },
  { title: "Who", width: 110, cell: (line) => line.actor },
  { title: "Of what", wide: true, cell: (line) => line.subject },
  { title: "Detail", wide: true, cell: (line) => detailOf(line) },
  { title: "When", width: 104, cell: (line) => <Moment at={line.at} /> },
];

function detailOf({ detail }: Line): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

/** Who changed what, newest first. */
export function Audit() {
  const pages = usePages<Line>({
    key: ["audit"],
    load: (cursor) => ask(api.GET("/api/audit", { params: { query: { cursor, limit: 100 } } })),
    everyMs: 10_000,
  });
  return (
    <View title="Audit log" about="Who changed what, newest first.">
      <Rows
        label="Audit log"
        columns={COLUMNS}
        pages={pages}
        idOf={(line) => line.id}
        empty={{ title: "Nothing was changed yet", text: "Every change that somebody makes stands here." }}
      />
    </View>
  );
}
