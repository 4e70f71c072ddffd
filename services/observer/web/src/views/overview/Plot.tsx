import { Group, Paper, Text, Title } from "@mantine/core";
import type { Column } from "./columns";

const HEIGHT = 80;
const STEP = 10;
const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** Counts over time as columns; each says its own time and number. */
export function Plot({
  title,
  columns,
  say,
}: {
  title: string;
  columns: Column[];
  say: (total: number) => string;
}) {
  const most = Math.max(1, ...columns.map((column) => column.count));
  const total = columns.reduce((sum, column) => sum + column.count, 0);
  const first = columns[0];
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        <Text size="sm" c="dimmed">
          {say(total)}
        </Text>
      </Group>
      <svg
        className="columns"
        viewBox={`0 0 ${columns.length * STEP} ${HEIGHT}`}
        width="100%"
        height={HEIGHT}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${say(total)}, at most ${most} at once`}
      >
        {columns.map((column, index) => {
          const height = column.count === 0 ? 1 : Math.max(3, (column.count / most) * HEIGHT);
          return (
            <rect
              key={column.at.toISOString()}
              className={column.count === 0 ? "empty" : undefined}
              x={index * STEP + 1}
              y={HEIGHT - height}
              width={STEP - 2}
              height={height}
            >
              <title>{`${time.format(column.at)}: ${column.count}`}</title>
            </rect>
          );
        })}
      </svg>
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {first && time.format(first.at)}
        </Text>
        <Text size="xs" c="dimmed">
          now
        </Text>
      </Group>
    </Paper>
  );
}
