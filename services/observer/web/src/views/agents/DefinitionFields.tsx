import { NumberInput, SimpleGrid, Stack, TagsInput, Textarea, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { capabilitiesOf, linesOf, writtenCapabilities } from "./definition";
import { SkillFields } from "./SkillFields";
import type { Definition } from "./yaml";

export interface FieldParts {
  value: Definition;
  onChange: (changed: Partial<Definition>) => void;
}

/** Everything that makes an agent: how it is found, how it works, and what it may. */
export function DefinitionFields({ value, onChange }: FieldParts) {
  return (
    <Stack>
      <Finding value={value} onChange={onChange} />
      <Working value={value} onChange={onChange} />
      <LimitFields value={value} onChange={onChange} />
    </Stack>
  );
}

function Finding({ value, onChange }: FieldParts) {
  const [examples, setExamples] = useState((value.examples ?? []).join("\n"));
  return (
    <>
      <TagsInput
        label="Keywords"
        description="Words that speak for it. Enter adds one."
        value={value.keywords ?? []}
        onChange={(keywords) => onChange({ keywords })}
        maxTags={500}
      />
      <Textarea
        label="Examples"
        description="Messages that are meant for it, one a line."
        autosize
        minRows={2}
        maxRows={10}
        value={examples}
        onChange={(event) => {
          setExamples(event.currentTarget.value);
          onChange({ examples: linesOf(event.currentTarget.value) });
        }}
      />
      <TagsInput
        label="Aliases"
        description="What else people may call it."
        value={value.aliases ?? []}
        onChange={(aliases) => onChange({ aliases })}
        maxTags={20}
      />
    </>
  );
}

function Working({ value, onChange }: FieldParts) {
  const [tasks, setTasks] = useState(writtenCapabilities(value.capabilities ?? []));
  return (
    <>
      <Textarea
        label="Tasks"
        description="That it has handlers for, one a line: fix_bug: what it is. None: it handles whatever comes."
        autosize
        maxRows={8}
        value={tasks}
        onChange={(event) => {
          setTasks(event.currentTarget.value);
          onChange({ capabilities: capabilitiesOf(event.currentTarget.value) });
        }}
      />
      <Textarea
        label="System prompt"
        description="What its language model is told before everything else."
        autosize
        minRows={2}
        maxRows={10}
        maxLength={32_768}
        value={value.system_prompt ?? ""}
        onChange={(event) => onChange({ system_prompt: event.currentTarget.value })}
      />
      <TextInput
        label="Model"
        description="Such as anthropic:claude-sonnet-4-5. Empty: the system's."
        maxLength={200}
        value={value.model ?? ""}
        onChange={(event) => onChange({ model: event.currentTarget.value.trim() || null })}
      />
      <TagsInput
        label="Tools"
        description="The only ones it is offered; notion__* stands for all of Notion."
        value={value.tools ?? []}
        onChange={(tools) => onChange({ tools })}
        maxTags={200}
      />
      <SkillFields value={value.skills ?? []} onChange={(skills) => onChange({ skills })} />
    </>
  );
}

export type Limits = NonNullable<Definition["limits"]>;

const COUNTED = [
  ["messages_per_minute", "Messages a minute", 1, 600],
  ["concurrency", "Runs at once on a replica", 1, 100],
  ["max_hops", "Times work is handed on", 0, 20],
  ["max_tool_calls_per_run", "Tool calls a run", 0, 10_000],
] as const;

function LimitFields({ value, onChange }: FieldParts) {
  const limits = value.limits as Limits;
  const set = (changed: Partial<Limits>) => onChange({ limits: { ...limits, ...changed } });
  return (
    <Stack gap="xs" component="section" aria-label="Limits">
      <Title order={3} size="h5">
        Limits
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="xs">
        {COUNTED.map(([name, label, min, max]) => (
          <NumberInput
            key={name}
            label={label}
            min={min}
            max={max}
            allowDecimal={false}
            value={limits[name]}
            onChange={(typed) => set({ [name]: typeof typed === "number" ? typed : min })}
          />
        ))}
        <NumberInput
          label="Dollars a day"
          description="Empty: no limit."
          min={0}
          value={limits.usd_per_day ?? ""}
          onChange={(typed) => set({ usd_per_day: typeof typed === "number" ? typed : null })}
        />
      </SimpleGrid>
    </Stack>
  );
}
