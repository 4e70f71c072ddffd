import type { Mapping, Schemas } from "@/api/client";

export type Options = Schemas["MappingOptions"];

/** As the API has them when nobody says otherwise. */
export const USUAL: Options = {
  tasks: "all",
  task_tag: "@AI_Squad",
  filter: { kind: "keyword", keyword: "#clickup" },
  mirror_comments: true,
  agents: {
    on_mention: true,
    assignees: {},
    tags: {},
    statuses: {},
    status_map: {},
    default_agent: null,
    answer_as_comment: false,
  },
};

/** Why they cannot be saved so, or null. */
export function wrongWith({ tasks, task_tag, filter }: Options): string | null {
  if (tasks === "tagged" && !task_tag.trim()) return "Say which tag.";
  if (filter.kind === "keyword" && !filter.keyword.trim()) return "Say which keyword.";
  if (filter.kind === "metadata" && !filter.event_type?.trim()) return "Say which event type.";
  return null;
}

/** What goes where, in a line. */
export function inWords({ tasks, task_tag, filter, agents }: Options): string {
  const shown = tasks === "tagged" ? `tasks with ${task_tag}` : "every task";
  const back = {
    all: "every reply goes back",
    keyword: `replies with ${filter.keyword} go back`,
    metadata: `replies of ${filter.event_type ?? "some kind"} go back`,
  }[filter.kind];
  const answers = agents.default_agent ? `; ${agents.default_agent} answers` : "";
  return `${shown}; ${back}${answers}`;
}

/** The newest problem as a sentence, or null when all is well. */
export function problemOf({ problem }: Pick<Mapping, "problem">): string | null {
  if (problem == null) return null;
  const { code, message } = (typeof problem === "object" ? problem : {}) as Record<string, unknown>;
  return String(message ?? code ?? problem);
}
