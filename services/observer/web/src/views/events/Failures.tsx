import { Paper, Stack, Text, Title } from "@mantine/core";
import { Moment } from "@/parts/Moment";
import { wordsOf } from "@/parts/plain";

/** What went wrong at each try. */
export function Failures({ failures }: { failures: Record<string, unknown>[] }) {
  if (failures.length === 0) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h5" mb="xs">
        What went wrong
      </Title>
      <Stack gap="xs">
        {failures.map((failure, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: Failures have no id, and none is ever moved.
          <div key={index}>
            <Text size="sm" className="words">
              {wordsOf(String(failure.code ?? "unknown"))}
              {failure.message ? `: ${String(failure.message)}` : ""}
            </Text>
            <Text size="xs" c="dimmed">
              <Moment at={typeof failure.at === "string" ? failure.at : null} />
            </Text>
          </div>
        ))}
      </Stack>
    </Paper>
  );
}
