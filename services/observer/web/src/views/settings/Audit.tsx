import { Drawer, Group, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { api, ask } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { View } from "@/parts/View";
import { actionOf, actorOf, choicesOf, type Line, type Names, notesOf, soughtIn, subjectOf } from "./audit";

const route = getRouteApi("/audit");

function columns(names: Names): Column<Line>[] {
  return [
    {
      title: "What",
      cell: (line) => (
        <Link to="/audit" search={(now) => ({ ...now, line: line.id })} className="row-link">
          {actionOf(line)}
        </Link>
      ),
    },
    { title: "Who", width: 110, cell: (line) => actorOf(line, names) },
    { title: "Of what", wide: true, cell: (line) => subjectOf(line, names) },
    {
      title: "Detail",
      wide: true,
      cell: (line) =>
        notesOf(line)
          .map((note) => note.join(": "))
          .join(", "),
    },
    { title: "When", width: 104, cell: (line) => <Moment at={line.at} /> },
  ];
}

/** Who changed what, newest first. */
export function Audit() {
  const { line, actor, action, search } = route.useSearch();
  const navigate = route.useNavigate();
  const names = useNames();
  const [sought] = useDebouncedValue(soughtIn(search ?? ""), 250);
  const pages = usePages<Line>({
    key: ["audit", "list", actor, action, sought],
    load: (cursor) =>
      ask(
        api.GET("/api/audit", {
          params: { query: { cursor, limit: 100, actor, action, q: sought || undefined } },
        }),
      ),
    everyMs: 10_000,
  });
  const isFiltered = actor !== undefined || action !== undefined || search !== undefined;
  return (
    <View title="Audit log" about="Who changed what, newest first.">
      <Filters names={names} />
      <Rows
        label="Audit log"
        columns={columns(names)}
        pages={pages}
        idOf={(each) => each.id}
        empty={
          isFiltered
            ? { title: "No line fits", text: "Look for less, or for another person or action." }
            : { title: "Nothing was changed yet", text: "Every change that somebody makes stands here." }
        }
      />
      <Drawer
        opened={line !== undefined && !pages.isPending}
        onClose={() => void navigate({ search: (now) => ({ ...now, line: undefined }), replace: true })}
        title="What was changed"
        position="right"
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <One line={pages.items.find((each) => each.id === line)} names={names} />
      </Drawer>
    </View>
  );
}

/** The address holds them. Who and what can be chosen is what the newest lines tell of. */
function Filters({ names }: { names: Names }) {
  const { actor, action, search } = route.useSearch();
  const navigate = route.useNavigate();
  const newest = useQuery({
    queryKey: ["audit", "newest"],
    queryFn: () => ask(api.GET("/api/audit", { params: { query: { limit: 200 } } })),
  });
  const change = (changed: { actor?: string; action?: string; search?: string }) =>
    void navigate({ search: (now) => ({ ...now, ...changed }), replace: true });
  const lines = newest.data?.items ?? [];
  return (
    <Group gap="sm">
      <Select
        aria-label="Who"
        placeholder="Anybody"
        data={choicesOf([...lines.map((each) => each.actor), actor], (each) =>
          actorOf({ actor: each }, names),
        )}
        value={actor ?? null}
        onChange={(value) => change({ actor: value ?? undefined })}
        clearable
        clearButtonProps={{ "aria-label": "Anybody" }}
        searchable
        w={180}
      />
      <Select
        aria-label="What"
        placeholder="Anything"
        data={choicesOf([...lines.map((each) => each.action), action], (each) => actionOf({ action: each }))}
        value={action ?? null}
        onChange={(value) => change({ action: value ?? undefined })}
        clearable
        clearButtonProps={{ "aria-label": "Anything" }}
        searchable
        w={220}
      />
      <TextInput
        aria-label="Search lines"
        placeholder="Search"
        maxLength={200}
        maw={280}
        value={search ?? ""}
        onChange={(event) => change({ search: event.currentTarget.value || undefined })}
      />
    </Group>
  );
}

function One({ line, names }: { line: Line | undefined; names: Names }) {
  if (!line) return <Text size="sm">It is not among the lines that are loaded; older ones come below.</Text>;
  return (
    <Pairs
      title={actionOf(line)}
      pairs={[
        ["Who", actorOf(line, names)],
        ["Of what", subjectOf(line, names)],
        ["When", <Moment key="at" at={line.at} />],
        ...notesOf(line),
        ["Noted as", `${line.action} ${line.subject} by ${line.actor}`],
      ]}
    />
  );
}

/** What people and agents are called; until it is known, they are their ids. */
function useNames(): Names {
  const users = useQuery({
    queryKey: ["users", "names"],
    queryFn: () => ask(api.GET("/api/users", { params: { query: { limit: 200 } } })),
  });
  const agents = useQuery({
    queryKey: ["agents"],
    queryFn: () => ask(api.GET("/api/agents", { params: { query: { limit: 200 } } })),
  });
  const items = useMemo(
    () => [...(users.data?.items ?? []), ...(agents.data?.items ?? [])],
    [users.data, agents.data],
  );
  return useMemo(() => new Map(items.map(({ id, name }) => [id, name])), [items]);
}
