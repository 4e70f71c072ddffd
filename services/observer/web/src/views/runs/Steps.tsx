import { Text, Timeline } from "@mantine/core";
import type { Step } from "@oblivion/use-job-progress";
import {
  IconArrowRight,
  IconCircleDot,
  IconHelpCircle,
  IconInfoCircle,
  IconMessage,
  IconProgress,
  IconTool,
  IconX,
} from "@tabler/icons-react";
import { Moment } from "@/parts/Moment";
import { Waiting } from "@/parts/states";
import { type ToolCall, timelineOf } from "./timeline";

const ICONS: Record<string, typeof IconCircleDot> = {
  state: IconCircleDot,
  progress: IconProgress,
  message: IconMessage,
  approval: IconHelpCircle,
  delegation: IconArrowRight,
  tool: IconTool,
  notice: IconInfoCircle,
};

/** What happened, oldest first, with the tools that were called meanwhile. */
export function Steps({ steps, calls }: { steps: readonly Step[]; calls: readonly ToolCall[] }) {
  if (steps.length === 0) return <Waiting rows={3} />;
  const entries = timelineOf(steps, calls);
  return (
    <Timeline bulletSize={26} lineWidth={2} active={entries.length - 1} aria-label="Steps of the run">
      {entries.map(({ key, kind, at, title, text, isBad }) => {
        const Icon = isBad ? IconX : (ICONS[kind] ?? IconCircleDot);
        return (
          <Timeline.Item
            key={key}
            color={isBad ? "red" : undefined}
            bullet={<Icon size={15} aria-hidden />}
            title={title}
          >
            {text && (
              <Text size="sm" className="words">
                {text}
              </Text>
            )}
            <Text size="xs" c="dimmed">
              <Moment at={at} />
            </Text>
          </Timeline.Item>
        );
      })}
    </Timeline>
  );
}
