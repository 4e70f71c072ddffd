import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { State } from "@/parts/State";
import { Failed, Waiting } from "@/parts/states";
import { View } from "@/parts/View";
import { How } from "./How";
import { leftOf, nextOf, type Step, TITLES, useSetup } from "./setup";

const EVERY_MS = 3_000;
const SAID: Record<Step["state"], string> = { done: "done", open: "to do", failing: "failing" };
const COLOUR: Record<Step["state"], string> = { done: "done", open: "open", failing: "failed" };

/** What an installation needs before it is of use; each step looks by itself whether it is done. */
export function FirstSteps() {
  const setup = useSetup(EVERY_MS);
  const steps = setup.data?.items;
  return (
    <View title="First steps" about={steps ? aboutOf(leftOf(steps)) : "What is there, and what is missing."}>
      {setup.isPending && <Waiting />}
      {setup.isError && !steps && <Failed error={setup.error} again={() => void setup.refetch()} />}
      <Stack gap="sm" component="ol" p={0} m={0} style={{ listStyle: "none" }}>
        {steps?.map((step, index) => (
          <One key={step.name} number={index + 1} step={step} isNext={nextOf(steps) === step.name} />
        ))}
      </Stack>
    </View>
  );
}

function aboutOf(left: number): string {
  if (left === 0) return "All is done. This stays here for when something fails.";
  return `${left === 1 ? "One step is" : `${left} steps are`} left; each looks by itself whether it is done.`;
}

function One({ number, step, isNext }: { number: number; step: Step; isNext: boolean }) {
  const [wanted, setWanted] = useState<boolean | null>(null);
  const isOpen = wanted ?? isNext;
  const title = TITLES[step.name];
  return (
    <Paper withBorder p="md" component="li" aria-label={title}>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h4">
            {number}. {title}
          </Title>
          <Text size="sm" aria-live="polite">
            {step.sentence}
            {step.state === "failing" && step.fix && ` ${step.fix}`}
          </Text>
        </div>
        <Stack gap={6} align="flex-end" style={{ flexShrink: 0 }}>
          <State of={COLOUR[step.state]}>{SAID[step.state]}</State>
          <Button
            size="compact-xs"
            variant="subtle"
            aria-expanded={isOpen}
            aria-label={`How to: ${title}`}
            onClick={() => setWanted(!isOpen)}
          >
            {isOpen ? "Less" : "How"}
          </Button>
        </Stack>
      </Group>
      {isOpen && <How of={step.name} />}
    </Paper>
  );
}
