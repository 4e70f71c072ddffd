import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

export function useRun(runId: string) {
  return useQuery({
    queryKey: ["runs", "one", runId],
    queryFn: () => ask(api.GET("/api/runs/{run_id}", { params: { path: { run_id: runId } } })),
  });
}
