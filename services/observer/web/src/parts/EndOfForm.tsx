import { Button, Group, Text } from "@mantine/core";

interface Parts {
  verb: string;
  /** Why it was not done, or cannot be. */
  problem?: string | null;
  isSending: boolean;
  isIncomplete?: boolean;
}

/** The last lines of every form: what is wrong, and the button. */
export function EndOfForm({ verb, problem, isSending, isIncomplete }: Parts) {
  return (
    <>
      {problem && (
        <Text c="var(--mantine-color-error)" size="sm" role="alert">
          {problem}
        </Text>
      )}
      <Group justify="flex-end">
        <Button type="submit" loading={isSending} disabled={isIncomplete}>
          {verb}
        </Button>
      </Group>
    </>
  );
}
