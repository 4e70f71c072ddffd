import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "@/api/client";

export type Step = Schemas["SetupStep"];
export const TITLES: Record<Step["name"], string> = {
  slack: "Connect Slack",
  clickup: "Connect ClickUp",
  link: "Link a list to a channel",
  agent: "Start an agent",
  first_run: "Ask something",
};

/** How far the installation is; asked again until nothing is left. */
export function useSetup(everyMs: number, isWanted = true) {
  return useQuery({
    queryKey: ["setup"],
    queryFn: () => ask(api.GET("/api/setup")),
    enabled: isWanted,
    refetchInterval: ({ state }) => (state.data && leftOf(state.data.items) === 0 ? false : everyMs),
  });
}

export function leftOf(steps: readonly Step[]): number {
  return steps.filter(({ state }) => state !== "done").length;
}

/** The first that is not done: the one to take now. */
export function nextOf(steps: readonly Step[]): Step["name"] | undefined {
  return steps.find(({ state }) => state !== "done")?.name;
}
