import { Group, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { api, ask } from "@/api/client";
import { View } from "@/parts/View";
import { RUN_STATES, RunRows, type RunState } from "./RunRows";

const route = getRouteApi("/runs");

/** Every run that the reader may see; the address holds the filters. */
export function Runs() {
  const { state, agent } = route.useSearch();
  const navigate = route.useNavigate();
  const agents = useQuery({
    queryKey: ["agents"],
    queryFn: () => ask(api.GET("/api/agents", { params: { query: { limit: 200 } } })),
  });
  const change = (changed: { state?: string; agent?: string }) =>
    void navigate({ search: (now) => ({ ...now, ...changed }), replace: true });
  const known = RUN_STATES.find((each) => each === state);
  return (
    <View title="Runs" about="Each is one piece of work for one agent.">
      <Group gap="sm">
        <Select
          aria-label="State"
          placeholder="Any state"
          data={[...RUN_STATES]}
          value={known ?? null}
          onChange={(value) => change({ state: value ?? undefined })}
          clearable
          clearButtonProps={{ "aria-label": "Any state" }}
          w={160}
        />
        <Select
          aria-label="Agent"
          placeholder="Any agent"
          data={agents.data?.items.map((each) => ({ value: each.id, label: each.name })) ?? []}
          value={agent ?? null}
          onChange={(value) => change({ agent: value ?? undefined })}
          clearable
          clearButtonProps={{ "aria-label": "Any agent" }}
          searchable
          w={180}
        />
      </Group>
      <RunRows filter={{ state: known as RunState | undefined, agentId: agent }} />
    </View>
  );
}
