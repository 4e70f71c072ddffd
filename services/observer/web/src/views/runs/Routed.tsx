import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Pairs } from "@/parts/Pairs";
import { wordsOf } from "@/parts/plain";

/** How the run found its agent; for admins. */
export function Routed({ runId }: { runId: string }) {
  const me = useMe().data;
  const isAdmin = me ? reaches(me.role, "admin") : false;
  const decisions = useQuery({
    queryKey: ["decisions", runId],
    queryFn: () => ask(api.GET("/api/routes/decisions", { params: { query: { run_id: runId } } })),
    enabled: isAdmin,
    // The decision is written while the run is young.
    refetchInterval: ({ state }) => (state.data && state.data.items.length === 0 ? 2_000 : false),
  });
  const decision = decisions.data?.items[0];
  if (!decision) return null;
  return (
    <Pairs
      title="Why this agent"
      pairs={[
        ["By", wordsOf(decision.stage)],
        ["Reason", decision.reason || "–"],
        ["Score", decision.score === null ? "–" : decision.score.toFixed(2)],
        ["Decided in", `${(decision.elapsed_us / 1000).toFixed(1)} ms`],
      ]}
    />
  );
}
