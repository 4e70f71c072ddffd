import { Anchor, Button, Center, Code, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { Refusal } from "@/api/client";
import { rememberPlace } from "./goingBack";
import { PROVIDERS, useWays, useWorkspace } from "./ways";

const SLUG = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** How to come in. The address stays, so that afterwards one is where one wanted to be. */
export function SignIn() {
  const [slug, setSlug] = useWorkspace();
  const [typed, setTyped] = useState(slug);
  useEffect(() => {
    document.title = "Sign in · Oblivion";
    rememberPlace();
  }, []);
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={400} maw="100%">
        <Stack>
          <Title order={1} size="h3">
            Sign in to Oblivion
          </Title>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (SLUG.test(typed)) setSlug(typed);
            }}
          >
            <TextInput
              label="Workspace"
              description="As in the address that you were given: /t/acme is acme."
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value.trim().toLowerCase())}
              onBlur={() => SLUG.test(typed) && setSlug(typed)}
              error={SLUG.test(typed) ? null : "Small letters, digits and dashes."}
              autoComplete="organization"
            />
          </form>
          <Ways slug={slug} />
        </Stack>
      </Paper>
    </Center>
  );
}

function Ways({ slug }: { slug: string }) {
  const ways = useWays(slug);
  if (ways.isPending) return <Button loading>Sign in</Button>;
  if (ways.isError) {
    const isUnknown = ways.error instanceof Refusal && ways.error.status === 404;
    return (
      <Text c="red.8" size="sm" role="alert">
        {isUnknown
          ? `There is no workspace “${slug}” here.`
          : "The system does not answer. Try again in a moment."}
      </Text>
    );
  }
  const { providers, development_login: isLocal } = ways.data;
  return (
    <Stack>
      {providers.map((provider) => (
        <Button key={provider} component="a" href={`/t/${slug}/login?provider=${provider}`}>
          {PROVIDERS[provider]}
        </Button>
      ))}
      {isLocal && (
        <Text size="sm" component="div">
          On this machine: run <Code>oblivion login</Code> and open the link that it prints. It works once.
        </Text>
      )}
      {providers.length === 0 && !isLocal && (
        <Text size="sm">
          No way to sign in is set up. <Anchor href="/docs">The API</Anchor> takes tokens; an admin sets up
          OIDC or Slack.
        </Text>
      )}
    </Stack>
  );
}
