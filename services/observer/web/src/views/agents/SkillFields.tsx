import { Button, Group, Paper, Stack, Text, Textarea, TextInput } from "@mantine/core";
import type { Definition } from "./yaml";

type Skill = NonNullable<Definition["skills"]>[number];

/** Named instructions that go along with an agent's work. */
export function SkillFields({ value, onChange }: { value: Skill[]; onChange: (skills: Skill[]) => void }) {
  const set = (index: number, changed: Partial<Skill>) =>
    onChange(value.map((skill, each) => (each === index ? { ...skill, ...changed } : skill)));
  return (
    <Stack gap="xs" component="section" aria-label="Skills">
      <Group justify="space-between">
        <Text size="sm" fw={500}>
          Skills
        </Text>
        <Button
          size="compact-xs"
          variant="default"
          disabled={value.length >= 20}
          onClick={() => onChange([...value, { name: "", text: "" }])}
        >
          Add a skill
        </Button>
      </Group>
      {value.map((skill, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: They have no id, and their names are being typed.
        <Paper withBorder p="sm" key={index}>
          <Stack gap="xs">
            <TextInput
              label={`Name of skill ${index + 1}`}
              maxLength={64}
              value={skill.name}
              onChange={(event) => set(index, { name: event.currentTarget.value })}
            />
            <Textarea
              label={`Instructions of skill ${index + 1}`}
              autosize
              maxRows={8}
              value={skill.text}
              onChange={(event) => set(index, { text: event.currentTarget.value })}
            />
            <Group justify="flex-end">
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => onChange(value.filter((_, each) => each !== index))}
              >
                Take out
              </Button>
            </Group>
          </Stack>
        </Paper>
      ))}
    </Stack>
  );
}
