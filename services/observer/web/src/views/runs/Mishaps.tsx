import { Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { Run } from "@/api/client";
import { mishapsOf } from "./words";

/** Beside "succeeded": something in it failed, or was denied. */
export function Mishaps({ run, isBrief }: { run: Run; isBrief?: boolean }) {
  const mishaps = mishapsOf(run);
  if (mishaps === null) return null;
  if (!isBrief) return <Text span size="sm" c="var(--mishap)">{`with failures: ${mishaps}`}</Text>;
  return (
    <Tooltip label={`With failures: ${mishaps}`} events={{ hover: true, focus: true, touch: true }}>
      <IconAlertTriangle
        className="above"
        role="img"
        aria-label={`with failures: ${mishaps}`}
        size={16}
        color="var(--mishap)"
      />
    </Tooltip>
  );
}
