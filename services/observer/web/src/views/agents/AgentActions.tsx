import { Button } from "@mantine/core";
import { type Agent, api, ask } from "@/api/client";
import { Asking } from "@/parts/Asking";
import { useDoing } from "@/parts/useDoing";
import { ChangeAgent } from "./ChangeAgent";
import { Muting } from "./Muting";

/** What an admin does with an agent. */
export function AgentActions({ agent }: { agent: Agent }) {
  if (agent.state === "disabled") return <Enable agent={agent} />;
  return (
    <>
      {agent.origin === "api" && <ChangeAgent agent={agent} />}
      <Muting agent={agent} />
      <Disable agent={agent} />
    </>
  );
}

function Enable({ agent }: { agent: Agent }) {
  const enable = useDoing({
    run: () => ask(api.POST("/api/agents/{agent_id}/enable", { params: { path: { agent_id: agent.id } } })),
    done: `${agent.name} is back.`,
    changes: [["agents"]],
  });
  return (
    <Button loading={enable.isPending} onClick={() => enable.mutate(undefined)}>
      Enable
    </Button>
  );
}

function Disable({ agent }: { agent: Agent }) {
  const disable = useDoing({
    run: () => ask(api.DELETE("/api/agents/{agent_id}", { params: { path: { agent_id: agent.id } } })),
    done: `${agent.name} is disabled.`,
    changes: [["agents"]],
  });
  return (
    <Asking verb="Disable" title={`Disable ${agent.name}?`} doing={disable}>
      Its tokens, secrets and connections stop working at once, and it gets no work. What it did stays, and it
      can be enabled again.
    </Asking>
  );
}
