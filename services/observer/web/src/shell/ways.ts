import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "@/api/client";

export type Ways = Schemas["SignInWays"];
export const PROVIDERS: Record<Ways["providers"][number], string> = {
  oidc: "Single sign-on",
  slack: "Sign in with Slack",
};

/** The workspace that was signed in to last in this browser, by its slug. */
export function useWorkspace() {
  return useLocalStorage({ key: "oblivion.tenant", defaultValue: "default", getInitialValueInEffect: false });
}

/** How people may sign in. */
export function useWays(slug: string) {
  return useQuery({
    queryKey: ["ways", slug],
    queryFn: () => ask(api.GET("/t/{slug}", { params: { path: { slug } } })),
  });
}
