import { useQuery } from "@tanstack/react-query";
import { api, ask, type Me, Refusal } from "./client";

export const ME = ["me"];

/** Who is signed in; null: nobody is. */
export function useMe() {
  return useQuery({ queryKey: ME, queryFn: whoAmI, staleTime: 60_000 });
}

async function whoAmI(): Promise<Me | null> {
  try {
    return await ask(api.GET("/api/me"));
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return null;
    throw error;
  }
}

export type Standing = "guest" | "user" | "admin";
const RANKS: Standing[] = ["guest", "user", "admin"];

/** Whether somebody of this role sees what is there from `least` on. The API decides again by itself. */
export function reaches(role: string, least: Standing): boolean {
  return RANKS.indexOf(role as Standing) >= RANKS.indexOf(least);
}
