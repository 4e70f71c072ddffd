import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

interface Parts {
  label: string;
  description?: string;
  /** What it means that none is chosen. */
  nobody?: string;
  value: string | null;
  onChange: (agent: string | null) => void;
}

/** An agent by name, or none. */
export function AgentSelect({
  label,
  description,
  nobody = "Let the router choose",
  value,
  onChange,
}: Parts) {
  const agents = useQuery({
    queryKey: ["agents"],
    queryFn: () => ask(api.GET("/api/agents", { params: { query: { limit: 200 } } })),
  });
  const names = agents.data?.items.map((agent) => agent.name) ?? [];
  // One that has gone since is still what is set.
  const known = value !== null && !names.includes(value) ? [value, ...names] : names;
  return (
    <Select
      label={label}
      description={description}
      placeholder={nobody}
      data={known}
      value={value}
      onChange={onChange}
      searchable
      clearable
      clearButtonProps={{ "aria-label": nobody }}
      error={agents.isError ? "The agents could not be loaded." : null}
    />
  );
}
