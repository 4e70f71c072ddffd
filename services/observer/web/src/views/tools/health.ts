import type { Connection } from "@/api/client";

export interface Told {
  /** One of those that `State` has colours for. */
  state: string;
  words: string;
  detail: string;
  since: string | null;
}

/** How a connection is, in words. */
export function healthOf({ state, auth, sign_in: signIn, health, updated_at }: Connection): Told {
  if (state === "disabled") {
    return {
      state: "disabled",
      words: "disabled",
      detail: "Its tools are offered to nobody.",
      since: updated_at,
    };
  }
  if (auth === "oauth" && signIn !== null && signIn.state !== "done") {
    const words = signIn.state === "again" ? "sign in again" : "sign in";
    return { state: "waiting", words, detail: signIn.detail, since: signIn.at };
  }
  if (health === null) {
    return {
      state: "unknown",
      words: "not tested",
      detail: "Nobody has tested it yet.",
      since: null,
    };
  }
  const words = health.ok ? "works" : "fails";
  return { state: health.ok ? "done" : "failed", words, detail: health.detail, since: health.at };
}

/** Whether its tools are withheld until somebody does something about it. */
export function isFailing(connection: Connection): boolean {
  return ["failed", "waiting"].includes(healthOf(connection).state);
}

/** Those that a test can tell something of: one that is disabled or waits for a sign-in says so already. */
export function testable(connections: readonly Connection[]): Connection[] {
  return connections.filter((each) => ["done", "failed", "unknown"].includes(healthOf(each).state));
}
