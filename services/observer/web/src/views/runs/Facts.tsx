import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Run } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { lasted, Moment } from "@/parts/Moment";
import { Pairs } from "@/parts/Pairs";
import { wordsOf } from "@/parts/plain";

export function Facts({ run }: { run: Run }) {
  const me = useMe().data;
  const seesEvents = me ? reaches(me.role, "admin") : false;
  const { usage } = run;
  const pairs: [string, ReactNode][] = [
    ["Agent", run.agent ?? "not chosen yet"],
    ["Task", wordsOf(run.task || "default")],
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
  if (run.event_id && seesEvents) {
    pairs.push([
      "Event",
      <Link key="event" to="/events" search={{ event: run.event_id }}>
        what came in
      </Link>,
    ]);
  }
  if (run.trace_id) {
    pairs.push(["Trace", <Trace key="trace" id={run.trace_id} url={run.trace_url} />]);
  }
  return <Pairs title="Facts" pairs={pairs} />;
}

function Trace({ id, url }: { id: string; url: string | null | undefined }) {
  return url ? <a href={url}>{id}</a> : id;
}
