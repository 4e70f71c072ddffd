import { expect, test } from "vitest";
import { agentYaml, type Definition } from "./yaml";

const WHOLE: Definition = {
  description: 'Fixes: "bugs"',
  capabilities: [
    { name: "fix_bug", description: "Fixes one" },
    { name: "review", description: "" },
  ],
  keywords: ["bug", "#x"],
  examples: ["please fix the login\nsoon"],
  aliases: ["@bugs"],
  skills: [{ name: "plan.md", text: "first: look\n- then: act\n" }],
  model: "openai:gpt-5",
  system_prompt: "You fix bugs.",
  tools: ["github__*"],
  limits: {
    messages_per_minute: 7,
    max_hops: 2,
    max_tool_calls_per_run: 30,
    usd_per_day: 1.5,
    concurrency: 3,
  },
};

// tests/unit/test_agent_resource.py asks the resource's own contract to read that file.
test("every field of an agent stands in its resource", async () => {
  await expect(agentYaml("fixer", WHOLE)).toMatchFileSnapshot("./fixer.golden.yaml");
});

test("an agent's texts cannot become structure of its YAML", () => {
  expect(agentYaml("fixer", { description: 'a: "b"\n  image: evil', keywords: ["#x"] })).toBe(
    [
      "apiVersion: oblivion.dev/v1alpha1",
      "kind: Agent",
      "metadata:",
      '  name: "fixer"',
      "spec:",
      '  description: "a: \\"b\\"\\n  image: evil"',
      "  keywords:",
      '    - "#x"',
      "",
    ].join("\n"),
  );
});

test("an agent of which nothing is said is still a resource", () => {
  expect(agentYaml("fixer", {})).toMatch(/\nspec: \{\}\n$/);
});
