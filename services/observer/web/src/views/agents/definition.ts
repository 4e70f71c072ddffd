import type { Agent } from "@/api/client";
import type { Definition } from "./yaml";

export type Capability = NonNullable<Definition["capabilities"]>[number];

/** As the API has it when nobody says otherwise. */
export const NEW: Definition = {
  description: "",
  capabilities: [],
  keywords: [],
  examples: [],
  aliases: [],
  skills: [],
  model: null,
  system_prompt: "",
  tools: [],
  limits: {
    messages_per_minute: 10,
    max_hops: 3,
    max_tool_calls_per_run: 100,
    usd_per_day: null,
    concurrency: 5,
  },
};

/** What an agent is, without how it is. */
export function definitionOf(agent: Agent): Definition {
  return {
    description: agent.description,
    capabilities: agent.capabilities,
    keywords: agent.keywords,
    examples: agent.examples,
    aliases: agent.aliases,
    skills: agent.skills,
    model: agent.model,
    system_prompt: agent.system_prompt,
    tools: agent.tools,
    limits: agent.limits,
  };
}

/** One a line; empty lines say nothing. */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** `fix_bug: what it is`, one a line. */
export function capabilitiesOf(text: string): Capability[] {
  return linesOf(text).map((line) => {
    const [name = "", ...words] = line.split(":");
    return { name: name.trim(), description: words.join(":").trim() };
  });
}

export function writtenCapabilities(capabilities: readonly Capability[]): string {
  return capabilities
    .map(({ name, description }) => (description ? `${name}: ${description}` : name))
    .join("\n");
}
