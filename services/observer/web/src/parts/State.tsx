import { Badge } from "@mantine/core";

const COLORS: Record<string, string> = {
  succeeded: "green",
  done: "green",
  active: "green",
  online: "green",
  approved: "green",
  running: "blue",
  assigned: "blue",
  routed: "blue",
  received: "blue",
  waiting: "yellow",
  muted: "yellow",
  pending: "yellow",
  failed: "red",
  dead: "red",
  denied: "red",
};

/** A state as a word; its colour says nothing that the word does not. */
export function State({ of, children }: { of: string; children?: string }) {
  return (
    <Badge className="state" variant="dot" color={COLORS[of] ?? "dimmed"} tt="none" fw={500}>
      {children ?? of}
    </Badge>
  );
}
