import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Run } from "@/api/client";
import { lasted, Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";

export function Facts({ run }: { run: Run }) {
  const { usage } = run;
  const pairs: [string, ReactNode][] = [
    ["Agent", run.agent ?? "not chosen yet"],
    ["Task", run.task || "default"],
    ["From", run.source],
    ["Asked", <Moment key="asked" at={run.created_at} />],
    ["Begun", <Moment key="begun" at={run.started_at} />],
    ["Took", run.finished_at ? lasted(Date.parse(run.finished_at) - Date.parse(run.created_at)) : "–"],
    ["May take", { quick: "2 min", medium: "15 min", complex: "60 min" }[run.category]],
  ];
  if (usage?.model) {
    pairs.push(["Model", usage.model]);
    pairs.push(["Tokens", `${usage.input_tokens ?? 0} in, ${usage.output_tokens ?? 0} out`]);
    pairs.push(["Cost", `$${(usage.cost_usd ?? 0).toFixed(4)}`]);
  }
  if (run.parent_run_id) {
    pairs.push([
      "Handed on by",
      <Link key="parent" to="/runs/$runId" params={{ runId: run.parent_run_id }}>
        another run
      </Link>,
    ]);
  }
  return <Pairs title="Facts" pairs={pairs} />;
}
