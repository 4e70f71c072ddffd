import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { api, ask, type Run } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { useDoing } from "@/parts/useDoing";
import { Opinion } from "./Opinion";

/** What can be done with a run as it is. */
export function RunActions({ run }: { run: Run }) {
  const me = useMe().data;
  const navigate = useNavigate();
  const params = { path: { run_id: run.id } };
  const cancel = useDoing({
    run: () => ask(api.POST("/api/runs/{run_id}/cancel", { params, body: { reason: "" } })),
    done: "The run is cancelled.",
    changes: [["runs"]],
  });
  const retry = useDoing({
    run: () => ask(api.POST("/api/runs/{run_id}/retry", { params })),
    done: "It is being done once more.",
    changes: [["runs"]],
    after: (next) => void navigate({ to: "/runs/$runId", params: { runId: next.id } }),
  });
  const isOver = run.finished_at !== null && run.finished_at !== undefined;
  return (
    <>
      {!isOver && (
        <Button
          color="red"
          variant="outline"
          loading={cancel.isPending}
          onClick={() => cancel.mutate(undefined)}
        >
          Cancel
        </Button>
      )}
      {isOver && me && reaches(me.role, "user") && (
        <Button variant="default" loading={retry.isPending} onClick={() => retry.mutate(undefined)}>
          Do it again
        </Button>
      )}
      <Opinion run={run} />
    </>
  );
}
