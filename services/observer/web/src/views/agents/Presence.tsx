import type { Agent } from "@/api/client";
import { State } from "@/parts/State";

/** Whether an agent is there, and may speak. */
export function Presence({ agent }: { agent: Agent }) {
  if (agent.state === "disabled") return <State of="disabled" />;
  if (isMuted(agent)) return <State of="muted" />;
  return <State of={agent.online > 0 ? "online" : "offline"} />;
}

export function isMuted(agent: Agent): boolean {
  return Boolean(agent.muted_until && new Date(agent.muted_until) > new Date());
}
