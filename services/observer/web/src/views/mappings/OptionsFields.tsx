import { Select, SimpleGrid, Switch, TextInput } from "@mantine/core";
import { AgentSelect } from "./AgentSelect";
import type { Options } from "./options";

const TASKS = [
  { value: "all", label: "Every task" },
  { value: "tagged", label: "Tasks with a tag" },
];
const FILTERS = [
  { value: "keyword", label: "Replies with a keyword" },
  { value: "all", label: "Every reply" },
  { value: "metadata", label: "Replies with metadata" },
];

interface Parts {
  value: Options;
  onChange: (value: Options) => void;
}

/** How a list and a channel follow each other. */
export function OptionsFields({ value, onChange }: Parts) {
  const { filter, agents } = value;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} verticalSpacing="sm">
      <Select
        label="What appears in the channel"
        data={TASKS}
        value={value.tasks}
        allowDeselect={false}
        onChange={(tasks) => onChange({ ...value, tasks: (tasks ?? "all") as Options["tasks"] })}
      />
      {value.tasks === "tagged" && (
        <TextInput
          label="Tag"
          description="One of a task's tags, or in its name or description."
          maxLength={80}
          value={value.task_tag}
          onChange={(event) => onChange({ ...value, task_tag: event.currentTarget.value })}
        />
      )}
      <Select
        label="What goes back to ClickUp"
        data={FILTERS}
        value={filter.kind}
        allowDeselect={false}
        onChange={(kind) =>
          onChange({
            ...value,
            filter: { ...filter, kind: (kind ?? "keyword") as Options["filter"]["kind"] },
          })
        }
      />
      {filter.kind === "keyword" && (
        <TextInput
          label="Keyword"
          description="A whole word in the reply; it is cut out of the comment."
          maxLength={80}
          value={filter.keyword}
          onChange={(event) =>
            onChange({ ...value, filter: { ...filter, keyword: event.currentTarget.value } })
          }
        />
      )}
      {filter.kind === "metadata" && (
        <TextInput
          label="Event type"
          description="Of the Slack message's metadata."
          maxLength={255}
          value={filter.event_type ?? ""}
          onChange={(event) =>
            onChange({ ...value, filter: { ...filter, event_type: event.currentTarget.value } })
          }
        />
      )}
      <AgentSelect
        label="Default agent"
        description="Answers in the channel, and to @AI_Squad in tasks."
        value={agents.default_agent ?? null}
        onChange={(agent) => onChange({ ...value, agents: { ...agents, default_agent: agent } })}
      />
      <Switch
        label="Comments of ClickUp appear in the thread"
        checked={value.mirror_comments}
        onChange={(event) => onChange({ ...value, mirror_comments: event.currentTarget.checked })}
      />
      <Switch
        label="Agents' answers become comments too"
        checked={agents.answer_as_comment}
        onChange={(event) =>
          onChange({ ...value, agents: { ...agents, answer_as_comment: event.currentTarget.checked } })
        }
      />
    </SimpleGrid>
  );
}
