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
} from "@tabler/icons-react";
import { Moment } from "@/parts/Moment";
import { Waiting } from "@/parts/states";
import { tell } from "./words";

const ICONS: Record<string, typeof IconCircleDot> = {
  state: IconCircleDot,
  progress: IconProgress,
  message: IconMessage,
  approval: IconHelpCircle,
  delegation: IconArrowRight,
  tool: IconTool,
  notice: IconInfoCircle,
};

/** What happened, oldest first. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  if (steps.length === 0) return <Waiting rows={3} />;
  return (
    <Timeline bulletSize={26} lineWidth={2} active={steps.length - 1} aria-label="Steps of the run">
      {steps.map((step) => {
        const { title, text } = tell(step);
        const Icon = ICONS[step.kind] ?? IconCircleDot;
        return (
          <Timeline.Item key={step.sequence} bullet={<Icon size={15} aria-hidden />} title={title}>
            {text && (
              <Text size="sm" className="words">
                {text}
              </Text>
            )}
            <Text size="xs" c="dimmed">
              <Moment at={step.at} />
            </Text>
          </Timeline.Item>
        );
      })}
    </Timeline>
  );
}
