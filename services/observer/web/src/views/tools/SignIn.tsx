import { Alert, Anchor, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ask, type Connection, type HubSchemas, hub } from "@/api/client";
import { safeHref } from "@/parts/links";
import { Moment } from "@/parts/Moment";
import { useDoing } from "@/parts/useDoing";

type Begun = HubSchemas["Authorization"];
const WORDS = {
  needed: "Nobody has signed in yet",
  done: "Signed in",
  again: "Somebody has to sign in again",
};

/** How a connection by OAuth stands; who may set things signs it in at its vendor, in a tab of its own. */
export function SignIn({ connection, maySet }: { connection: Connection; maySet: boolean }) {
  const [begun, setBegun] = useState<Begun | null>(null);
  const known = connection.sign_in;
  const isDone = known?.state === "done";
  const begin = useDoing({
    run: () =>
      ask(
        hub.POST("/connections/{connection_id}/authorize", {
          params: { path: { connection_id: connection.id } },
        }),
      ),
    done: "Agree in the tab that has opened.",
    changes: [],
    after: (made) => {
      setBegun(made);
      window.open(safeHref(made.url) ?? "about:blank", "_blank", "noopener,noreferrer");
    },
  });
  return (
    <Paper withBorder p="md" component="section" aria-label="Sign-in">
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2} size="h5">
            {WORDS[known?.state ?? "needed"]}
          </Title>
          {maySet && (
            <Button
              variant={isDone ? "default" : "filled"}
              loading={begin.isPending}
              onClick={() => begin.mutate(undefined)}
            >
              {isDone ? "Sign in anew" : "Sign in"}
            </Button>
          )}
        </Group>
        {known !== null && <Standing known={known} />}
        {begun !== null && <Progress key={begun.id} connection={connection} begun={begun} />}
      </Stack>
    </Paper>
  );
}

function Standing({ known }: { known: HubSchemas["SignIn"] }) {
  return (
    <Text size="sm" c="dimmed" component="div">
      {known.detail} {known.at !== null && <Moment at={known.at} />}
      {known.ends_at !== null && (
        <>
          {" "}
          It ends <Moment at={known.ends_at} />.
        </>
      )}
      {known.scopes.length > 0 && ` Granted: ${known.scopes.join(", ")}.`}
    </Text>
  );
}

function isOver(state: string | undefined): boolean {
  return state !== undefined && state !== "waiting" && state !== "returned";
}

/** How far a sign-in is, until it is over. */
function Progress({ connection, begun }: { connection: Connection; begun: Begun }) {
  const client = useQueryClient();
  const path = { connection_id: connection.id, authorization_id: begun.id };
  const progress = useQuery({
    queryKey: ["sign-ins", begun.id],
    queryFn: () =>
      ask(hub.GET("/connections/{connection_id}/authorize/{authorization_id}", { params: { path } })),
    refetchInterval: ({ state }) => (isOver(state.data?.state) ? false : 1_500),
    refetchIntervalInBackground: true,
  });
  const state = progress.data?.state;
  useEffect(() => {
    if (isOver(state)) void client.invalidateQueries({ queryKey: ["connections"] });
  }, [state, client]);
  if (state === "connected") return null;
  if (state === "failed" || state === "expired") {
    return (
      <Alert color="red" variant="outline" title="Nobody was signed in">
        {progress.data?.detail || "Nobody agreed in time. Sign in again."}
      </Alert>
    );
  }
  const address = safeHref(begun.url);
  return (
    <Text size="sm" role="status">
      {state === "returned" ? "Finishing…" : "Waiting until somebody agrees in the other tab."}{" "}
      {address !== null && (
        <Anchor href={address} target="_blank" rel="noopener noreferrer" size="sm">
          Open it again
        </Anchor>
      )}
    </Text>
  );
}
