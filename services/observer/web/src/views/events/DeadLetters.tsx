import { Badge, Button, Group, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { wordsOf } from "@/parts/plain";
import { type Column, Rows } from "@/parts/Rows";
import { View } from "@/parts/View";
import { Discard, OneLetter } from "./OneLetter";
import { type Choice, useRetry } from "./useLetters";

type Letter = Schemas["DeadLetter"];
const route = getRouteApi("/dead-letters");

/** What was given up, by cause: tried again, or discarded with a reason. */
export function DeadLetters() {
  const { cause, letter } = route.useSearch();
  const navigate = route.useNavigate();
  const pages = usePages<Letter>({
    key: ["dead", cause],
    load: (cursor) => ask(api.GET("/api/dead-letters", { params: { query: { cursor, limit: 100, cause } } })),
    everyMs: 10_000,
  });
  return (
    <View
      title="Dead letters"
      about="Events, effects and runs that were given up after all their tries."
      actions={pages.items.length > 0 ? <Choices choice={cause ? { cause } : { everything: true }} /> : null}
    >
      <Causes chosen={cause} />
      <Rows
        label="Dead letters"
        columns={COLUMNS}
        pages={pages}
        idOf={(letter) => letter.id}
        empty={{
          title: "Nothing was given up",
          text: "Whatever fails for good waits here to be tried again.",
        }}
      />
      <OneLetter
        id={letter}
        onClose={() => void navigate({ search: (now) => ({ ...now, letter: undefined }), replace: true })}
      />
    </View>
  );
}

const COLUMNS: Column<Letter>[] = [
  {
    title: "What",
    cell: (letter) => (
      <Link to="/dead-letters" search={(now) => ({ ...now, letter: letter.id })} className="row-link">
        {letter.kind}: {letter.what}
      </Link>
    ),
  },
  { title: "Cause", width: 160, cell: (letter) => wordsOf(letter.cause) },
  { title: "Message", wide: true, cell: (letter) => letter.message ?? "–" },
  { title: "About", wide: true, cell: (letter) => letter.about },
  { title: "Since", width: 104, wide: true, cell: (letter) => <Moment at={letter.since} /> },
  { title: "Again", width: 96, cell: (letter) => <Again id={letter.id} /> },
];

function Again({ id }: { id: string }) {
  const retry = useRetry();
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={retry.isPending}
      onClick={() => retry.mutate({ ids: [id] })}
    >
      Retry
    </Button>
  );
}

function Causes({ chosen }: { chosen?: string }) {
  const navigate = route.useNavigate();
  const report = useQuery({
    queryKey: ["dead", "report"],
    queryFn: () => ask(api.GET("/api/dead-letters/report")),
  });
  if (!report.data || report.data.items.length === 0) return null;
  return (
    <Group gap="xs">
      {report.data.items.map(({ cause, kind, count }) => (
        <UnstyledButton
          key={`${cause} ${kind}`}
          aria-pressed={chosen === cause}
          onClick={() =>
            void navigate({ search: (now) => ({ ...now, cause: chosen === cause ? undefined : cause }) })
          }
        >
          <Badge size="lg" variant={chosen === cause ? "filled" : "default"} tt="none">
            {wordsOf(cause)}: {count}
          </Badge>
        </UnstyledButton>
      ))}
    </Group>
  );
}

function Choices({ choice }: { choice: Choice }) {
  const retry = useRetry();
  const which = choice.cause ? `all of “${wordsOf(choice.cause)}”` : "all";
  return (
    <>
      <Button loading={retry.isPending} onClick={() => retry.mutate(choice)}>
        Retry {which}
      </Button>
      <Discard choice={choice} which={which} />
    </>
  );
}
