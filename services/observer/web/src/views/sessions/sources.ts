import type { Schemas } from "@/api/client";

export type Source = Schemas["SessionMessage"]["source"];

/** Where something was said. */
export const SAID_IN: Record<Source, string> = {
  slack: "Slack",
  clickup: "ClickUp",
  api: "the API",
  terminal: "the terminal",
  web: "the page",
  workflow: "a workflow",
  delegation: "another run",
};
