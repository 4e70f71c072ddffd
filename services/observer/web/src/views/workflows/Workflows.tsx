import { Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { api, ask } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Moment } from "@/parts/Moment";
import { usePages } from "@/parts/paged";
import { type Column, Rows } from "@/parts/Rows";
import { State } from "@/parts/State";
import { View } from "@/parts/View";
import type { Workflow } from "./schedule";
import { EditWorkflow } from "./WorkflowForm";

const COLUMNS: Column<Workflow>[] = [
  {
    title: "Name",
    cell: (workflow) => (
      <Link to="/workflows/$workflowId" params={{ workflowId: workflow.id }} className="row-link">
        <Text span fw={600} size="sm">
          {workflow.name}
        </Text>
      </Link>
    ),
  },
  { title: "Asks", wide: true, cell: (workflow) => workflow.prompt },
  { title: "Agent", width: 130, wide: true, cell: (workflow) => workflow.agent ?? "the router's" },
  { title: "Schedule", width: 120, wide: true, cell: (workflow) => workflow.schedule ?? "by hand" },
  {
    title: "State",
    width: 100,
    wide: true,
    cell: (workflow) => (
      <State of={workflow.enabled ? "active" : "off"}>{workflow.enabled ? "on" : "off"}</State>
    ),
  },
  { title: "Last", width: 104, cell: (workflow) => <Moment at={workflow.last_run_at} /> },
  { title: "Next", width: 104, cell: (workflow) => <Moment at={workflow.next_run_at} /> },
];

/** Named prompts, run by hand or by the clock. */
export function Workflows() {
  const me = useMe().data;
  const navigate = useNavigate();
  const maySet = me ? reaches(me.role, "admin") : false;
  const pages = usePages<Workflow>({
    key: ["workflows", "list"],
    load: (cursor) => ask(api.GET("/api/workflows", { params: { query: { cursor, limit: 100 } } })),
    everyMs: 10_000,
  });
  return (
    <View
      title="Workflows"
      about="A prompt that agents are asked again and again; what comes of it is posted in a channel."
      actions={
        maySet ? (
          <EditWorkflow
            onSaved={(workflow) =>
              void navigate({ to: "/workflows/$workflowId", params: { workflowId: workflow.id } })
            }
          />
        ) : null
      }
    >
      <Rows
        label="Workflows"
        columns={COLUMNS}
        pages={pages}
        idOf={(workflow) => workflow.id}
        empty={{
          title: "No workflows",
          text: maySet ? "Create one, and run it by hand or by the clock." : "An admin creates them.",
        }}
      />
    </View>
  );
}
