import { Button, Code, CopyButton, Group, Stack, Text } from "@mantine/core";

/** Text to take along. */
export function Copied({ title, text }: { title: string; text: string }) {
  return (
    <Stack gap={4}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={500}>
          {title}
        </Text>
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="default" onClick={copy} style={{ flexShrink: 0 }}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Code block tabIndex={0} aria-label={title} mah={360} style={{ overflow: "auto" }}>
        {text}
      </Code>
    </Stack>
  );
}
