import { Paper, Select, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "@/api/client";
import { Pairs } from "@/parts/Pairs";
import { counted } from "@/parts/plain";
import { Failed, Waiting } from "@/parts/states";
import { useDoing } from "@/parts/useDoing";
import { View } from "@/parts/View";

type Wish = Schemas["TenantSettings"];
type Seen = Schemas["TenantSettingsView"];

/** Nothing is chosen: the services' own settings hold. */
const AS_THE_SYSTEM = { value: "system", label: "As the system has it" };
const CHOICES = [
  {
    name: "unknown_users",
    label: "People in Slack whom nobody knows yet",
    description: "Who writes to an agent without having signed in here.",
    data: [
      { value: "guest", label: "They are guests" },
      { value: "refuse", label: "They are told to sign in" },
    ],
  },
  {
    name: "slack_streaming",
    label: "Answers in Slack, as they are written",
    description: "Elsewhere they appear when they are whole.",
    data: [
      { value: "off", label: "Nowhere" },
      { value: "direct", label: "In direct messages" },
      { value: "everywhere", label: "Everywhere" },
    ],
  },
] as const satisfies readonly { name: keyof Wish; label: string; description: string; data: unknown }[];

/** What the tenant decides for all of its people, and what it lives within. */
export function Settings() {
  const settings = useQuery({ queryKey: ["settings"], queryFn: () => ask(api.GET("/api/settings")) });
  return (
    <View title="Settings" about="What holds for everybody in the tenant.">
      {settings.isPending && <Waiting />}
      {settings.isError && !settings.data && (
        <Failed error={settings.error} again={() => void settings.refetch()} />
      )}
      {settings.data && <Shown settings={settings.data} />}
    </View>
  );
}

function Shown({ settings }: { settings: Seen }) {
  const change = useDoing({
    run: (wish: Wish) => ask(api.PATCH("/api/settings", { body: wish })),
    done: "Set.",
    changes: [["settings"]],
  });
  return (
    <Stack maw={640}>
      <Paper withBorder p="md" component="section" aria-label="Slack">
        <Stack>
          <Title order={2} size="h5">
            Slack
          </Title>
          {CHOICES.map(({ name, label, description, data }) => (
            <Select
              key={name}
              label={label}
              description={description}
              data={[AS_THE_SYSTEM, ...data]}
              value={settings[name] ?? AS_THE_SYSTEM.value}
              onChange={(value) =>
                change.mutate({ [name]: value === AS_THE_SYSTEM.value ? null : value } as Wish)
              }
              allowDeselect={false}
              disabled={change.isPending}
            />
          ))}
        </Stack>
      </Paper>
      <Pairs
        title="Limits"
        pairs={[
          ["Requests a minute of a person", settings.user_requests_per_minute],
          ["Requests a minute of the tenant", settings.tenant_requests_per_minute],
          ["Bodies of events are kept for", counted(settings.retention_days, "day")],
        ]}
      />
      <Text size="xs" c="dimmed">
        These are the operator's to set; an agent's own limits stand on its page.
      </Text>
    </Stack>
  );
}
