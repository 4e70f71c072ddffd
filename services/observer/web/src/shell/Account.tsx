import {
  ActionIcon,
  Group,
  Menu,
  Text,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { IconChevronDown, IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { api, ask, type Me } from "@/api/client";
import { ME } from "@/api/me";
import { useDoing } from "@/parts/useDoing";

export function Account({ me }: { me: Me }) {
  const client = useQueryClient();
  const leave = useDoing({
    run: () => ask(api.POST("/auth/logout")),
    done: "You are signed out.",
    changes: [],
    after: () => {
      client.setQueryData(ME, null);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== ME[0] });
    },
  });
  return (
    <Group gap="xs" wrap="nowrap">
      <SchemeSwitch />
      <Menu position="bottom-end" width={200}>
        <Menu.Target>
          <UnstyledButton aria-label={`Account of ${me.name}`}>
            <Group gap={4} wrap="nowrap">
              <Text size="sm" fw={500} maw={140} truncate>
                {me.name}
              </Text>
              <IconChevronDown size={14} aria-hidden />
            </Group>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label c="dimmed">Your role: {me.role}</Menu.Label>
          <Menu.Item
            leftSection={<IconLogout size={16} aria-hidden />}
            onClick={() => leave.mutate(undefined)}
          >
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={`Use ${other} colours`}
      onClick={() => setColorScheme(other)}
    >
      {scheme === "dark" ? <IconSun size={18} aria-hidden /> : <IconMoon size={18} aria-hidden />}
    </ActionIcon>
  );
}
