import type { Schemas } from "@/api/client";

export type Definition = Schemas["AgentDefinition"];

/** An agent as a resource to apply: every field that says something; texts are quoted as JSON, which YAML reads. */
export function agentYaml(name: string, definition: Partial<Definition>): string {
  const spec = Object.entries(specOf(definition)).flatMap(([field, value]) => member(field, value, "  "));
  const lines = [
    "apiVersion: oblivion.dev/v1alpha1",
    "kind: Agent",
    "metadata:",
    `  name: ${JSON.stringify(name)}`,
  ];
  return `${[...lines, ...(spec.length ? ["spec:", ...spec] : ["spec: {}"])].join("\n")}\n`;
}

/** In the resource's spelling. */
function specOf({ limits, ...agent }: Partial<Definition>): Record<string, unknown> {
  return {
    description: agent.description,
    capabilities: agent.capabilities,
    keywords: agent.keywords,
    examples: agent.examples,
    aliases: agent.aliases,
    skills: agent.skills,
    model: agent.model,
    systemPrompt: agent.system_prompt,
    tools: agent.tools,
    limits: limits && {
      messagesPerMinute: limits.messages_per_minute,
      maxHops: limits.max_hops,
      maxToolCallsPerRun: limits.max_tool_calls_per_run,
      usdPerDay: limits.usd_per_day,
      concurrency: limits.concurrency,
    },
  };
}

function saysNothing(value: unknown): boolean {
  return value == null || value === "" || (Array.isArray(value) && value.length === 0);
}

function member(name: string, value: unknown, indent: string): string[] {
  if (saysNothing(value)) return [];
  if (Array.isArray(value)) {
    return [`${indent}${name}:`, ...value.flatMap((each) => element(each, `${indent}  `))];
  }
  if (typeof value !== "object" || value === null) return [`${indent}${name}: ${JSON.stringify(value)}`];
  const inner = Object.entries(value).flatMap(([each, of]) => member(each, of, `${indent}  `));
  return inner.length ? [`${indent}${name}:`, ...inner] : [];
}

function element(value: unknown, indent: string): string[] {
  if (typeof value !== "object" || value === null) return [`${indent}- ${JSON.stringify(value)}`];
  const [first = "", ...rest] = Object.entries(value).flatMap(([each, of]) =>
    member(each, of, `${indent}  `),
  );
  return [`${indent}- ${first.trimStart()}`, ...rest];
}
