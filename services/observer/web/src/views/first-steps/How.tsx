import { Anchor, Button, Code, Collapse, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, ask } from "@/api/client";
import { Copied } from "@/parts/Copied";
import { Failed, Waiting } from "@/parts/states";
import manifest from "../../../../../../docs/operate/slack-manifest.json?raw";
import { CreateAgent } from "../agents/CreateAgent";
import { LinkPanel } from "../mappings/LinkPanel";
import { NewConversation } from "../sessions/NewConversation";
import type { Step } from "./setup";

const WAYS = { slack: Slack, clickup: ClickUp, link: Linking, agent: Starting, first_run: Asking };

/** What to do for a step. */
export function How({ of }: { of: Step["name"] }) {
  const Way = WAYS[of];
  return (
    <Stack mt="md" gap="sm">
      <Way />
    </Stack>
  );
}

function Slack() {
  const [isOpen, { toggle }] = useDisclosure();
  return (
    <>
      <Text size="sm">
        Make an app of the manifest at{" "}
        <Anchor href="https://api.slack.com/apps?new_app=1" target="_blank" rel="noopener noreferrer">
          api.slack.com
        </Anchor>
        , then run this where Oblivion runs. It asks for the app's tokens, and checks scopes, events and a
        round trip.
      </Text>
      <Copied title="In a terminal" text="oblivion slack connect" />
      <Group>
        <Button size="xs" variant="default" aria-expanded={isOpen} onClick={toggle}>
          {isOpen ? "Hide the manifest" : "Show the manifest"}
        </Button>
      </Group>
      <Collapse expanded={isOpen}>
        <Copied title="The app's manifest" text={manifest} />
      </Collapse>
    </>
  );
}

function ClickUp() {
  return (
    <>
      <Text size="sm">
        Run this where Oblivion runs. It asks for a token and the workspace, makes the webhook by itself, and
        says on whose account it hangs.
      </Text>
      <Copied title="In a terminal" text="oblivion clickup connect" />
    </>
  );
}

function Linking() {
  const mappings = useQuery({
    queryKey: ["mappings"],
    queryFn: () => ask(api.GET("/api/mappings", { params: { query: { limit: 200 } } })),
  });
  if (mappings.isPending) return <Waiting rows={2} />;
  if (mappings.isError) return <Failed error={mappings.error} again={() => void mappings.refetch()} />;
  const active = mappings.data.items.filter(({ state }) => state === "active");
  return (
    <>
      <Text size="sm">
        Tasks of the list appear in the channel, and replies go back. <Link to="/mappings">Mappings</Link> has
        those that are linked.
      </Text>
      <LinkPanel linked={active} onLinked={() => undefined} />
    </>
  );
}

function Starting() {
  return (
    <>
      <Text size="sm">
        Make one here and start it with the secret that it gets, or let <Code>oblivion agents new</Code> write
        its first file. It is online as soon as it runs.
      </Text>
      <Copied title="In a terminal" text={"oblivion agents new fixer\npython fixer.py"} />
      <Group>
        <CreateAgent />
      </Group>
    </>
  );
}

function Asking() {
  return (
    <>
      <Text size="sm">
        Write <Code>@AI_Squad what is on today?</Code> in a channel that the app is in, or ask here.
      </Text>
      <Group>
        <NewConversation />
      </Group>
    </>
  );
}
