import { Alert, Button, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconMoodEmpty } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Refusal } from "@/api/client";

const REFUSED: Record<number, string> = { 404: "That does not exist, or is not yours" };

/** What a view shows while it has nothing to show yet, or could not get it. */
export function Failed({ error, again }: { error: Error; again?: () => void }) {
  const isAway = !(error instanceof Refusal) || error.passes;
  return (
    <Alert
      icon={<IconAlertTriangle aria-hidden />}
      color="red"
      variant="outline"
      title={isAway ? "This could not be loaded" : (REFUSED[error.status] ?? "That is not there for you")}
    >
      <Stack align="flex-start" gap="sm">
        <Text size="sm">{error instanceof Refusal ? error.message : "The system does not answer."}</Text>
        {again && (
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** A view that could not be shown at all: its code did not come, or it is wrong. */
export function Broken() {
  return (
    <Alert
      icon={<IconAlertTriangle aria-hidden />}
      color="red"
      variant="outline"
      title="This view could not be shown"
    >
      <Stack align="flex-start" gap="sm">
        <Text size="sm">The page may be older than the system. Loaded again, it is the newest.</Text>
        <Button size="xs" variant="default" onClick={() => location.reload()}>
          Load again
        </Button>
      </Stack>
    </Alert>
  );
}

export function Waiting({ rows = 5 }: { rows?: number }) {
  return (
    <Stack role="status" aria-label="Loading" gap="xs">
      {Array.from({ length: rows }, (_, row) => `row ${row}`).map((row) => (
        <Skeleton key={row} height={34} />
      ))}
    </Stack>
  );
}

export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="xs">
        <IconMoodEmpty size={36} stroke={1.2} aria-hidden />
        <Title order={2} size="h4">
          {title}
        </Title>
        <Text c="dimmed" ta="center" size="sm" component="div" maw={480}>
          {children}
        </Text>
      </Stack>
    </Paper>
  );
}
