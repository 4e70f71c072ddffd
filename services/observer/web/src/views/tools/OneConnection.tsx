import { Alert, Grid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ask, type Connection, hub } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { State } from "@/parts/State";
import { Failed, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { useProviders } from "./Connect";
import { ConnectionActions } from "./ConnectionActions";
import { useIsTested } from "./doings";
import { healthOf } from "./health";
import { type Kind, kindsOf, WAYS } from "./kinds";
import { SignIn } from "./SignIn";
import { ToolCalls } from "./ToolCalls";
import { ToolList } from "./ToolList";

const route = getRouteApi("/tools/$connectionId");

/** One connection: how it is, who is signed in, and what agents can do with it. */
export function OneConnection() {
  const { connectionId } = route.useParams();
  const connection = useQuery({
    queryKey: ["connections", "one", connectionId],
    queryFn: () =>
      ask(hub.GET("/connections/{connection_id}", { params: { path: { connection_id: connectionId } } })),
    refetchInterval: 10_000,
  });
  if (connection.isError && !connection.data) {
    return (
      <View title="Tool">
        <Failed error={connection.error} again={() => void connection.refetch()} />
      </View>
    );
  }
  if (!connection.data) {
    return (
      <View title="Tool">
        <Waiting />
      </View>
    );
  }
  return <Shown connection={connection.data} />;
}

const TESTED = { state: "running", words: "being tested", detail: "" };

function Shown({ connection }: { connection: Connection }) {
  const me = useMe().data;
  const maySet = me ? reaches(me.role, "admin") : false;
  const providers = useProviders();
  const kind =
    providers.data && kindsOf(providers.data).find(({ provider }) => provider === connection.provider);
  const isTested = useIsTested(connection.id);
  const { state, words, detail } = isTested ? TESTED : healthOf(connection);
  return (
    <View
      title={connection.name}
      about={<State of={state}>{words}</State>}
      actions={maySet && kind ? <ConnectionActions connection={connection} kind={kind} /> : null}
    >
      {maySet && providers.isError && !providers.data && (
        <Failed error={providers.error} again={() => void providers.refetch()} />
      )}
      {state === "failed" && (
        <Alert color="red" variant="outline" title="It does not work">
          {detail}
        </Alert>
      )}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            {connection.auth === "oauth" && <SignIn connection={connection} maySet={maySet} />}
            <Title order={2} size="h4">
              Its tools
            </Title>
            {connection.state === "disabled" ? (
              <Text size="sm">It is disabled: its tools are offered to nobody.</Text>
            ) : (
              <ToolList connection={connection} maySet={maySet} />
            )}
            {maySet && (
              <>
                <Title order={2} size="h4">
                  Calls
                </Title>
                <ToolCalls connectionId={connection.id} />
              </>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack>
            <Pairs title="How it is" pairs={healthPairs(connection)} />
            <Pairs title="What it is" pairs={aboutPairs(connection, kind)} />
          </Stack>
        </Grid.Col>
      </Grid>
    </View>
  );
}

function healthPairs({ health }: Connection): [string, ReactNode][] {
  if (health === null) return [["Tested", "not yet"]];
  const pairs: [string, ReactNode][] = [
    ["Said", health.detail],
    ["When", <Moment key="at" at={health.at} />],
  ];
  if (health.account !== null) pairs.push(["Account", health.account]);
  if (health.rights.length > 0) pairs.push(["Rights", health.rights.join(", ")]);
  if (health.rate_limit_left !== null) pairs.push(["Calls left", health.rate_limit_left]);
  return pairs;
}

function aboutPairs(connection: Connection, kind: Kind | undefined): [string, ReactNode][] {
  const settings = Object.entries(connection.settings).map(([name, value]): [string, ReactNode] => [
    kind?.fields.find((field) => field.name === name)?.title ?? name,
    String(value),
  ]);
  return [
    ["What", kind?.title ?? connection.provider],
    ...(connection.url === null ? [] : [["Address", connection.url] as [string, ReactNode]]),
    ["Proves itself", WAYS[connection.auth].replace(/^By/, "by")],
    ["Key", connection.has_secret ? "stored" : "none"],
    ["Trusted", connection.is_trusted ? "as a member" : "no"],
    ...settings,
    ["Connected", <Moment key="created" at={connection.created_at} />],
    ["Changed", <Moment key="updated" at={connection.updated_at} />],
  ];
}
