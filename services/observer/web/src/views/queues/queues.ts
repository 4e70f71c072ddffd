import { useQuery } from "@tanstack/react-query";
import type { LinkProps } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api/client";

type Queue = Schemas["QueueView"];

interface Told {
  title: string;
  about: string;
  /** The rows behind what waits. */
  waiting?: LinkProps;
  /** The metric of what was done. */
  done: string;
}

export const QUEUES: Record<Queue["name"], Told> = {
  "webhook-processing": {
    title: "Events",
    about: "What Slack and ClickUp told us, on its way to what it leads to.",
    waiting: { to: "/events", search: { state: "received" } },
    done: "events.handled",
  },
  "ai-agent-tasks": {
    title: "Runs",
    about: "Work for agents. Waiting: nobody has it yet.",
    waiting: { to: "/runs", search: { state: "queued" } },
    done: "runs.finished",
  },
  outbox: {
    title: "To Slack and ClickUp",
    about: "What is to be said and shown there; each leaves once.",
    done: "effects.sent",
  },
};

export function useQueues(everyMs = 10_000, isWanted = true) {
  return useQuery({
    queryKey: ["queues"],
    queryFn: () => ask(api.GET("/api/queues")),
    refetchInterval: everyMs,
    enabled: isWanted,
  });
}

/** All queues in one figure: how much waits, and since when. */
export function sumOf(queues: Queue[]): { depth: number; oldest: Date | null } {
  const times = queues.flatMap(({ oldest }) => (oldest === null ? [] : [Date.parse(oldest)]));
  return {
    depth: queues.reduce((sum, { depth }) => sum + depth, 0),
    oldest: times.length === 0 ? null : new Date(Math.min(...times)),
  };
}
