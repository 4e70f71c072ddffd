const SOON_MS = 14 * 24 * 3_600_000;

export type Urgency = "none" | "soon" | "past";

/** Whether somebody has to see to a token that ends. */
export function urgencyOf(expiresAt: string | null, now: Date): Urgency {
  if (expiresAt === null) return "none";
  const left = Date.parse(expiresAt) - now.getTime();
  if (left <= 0) return "past";
  return left < SOON_MS ? "soon" : "none";
}

const COMMANDS: Record<string, string> = {
  slack: "oblivion slack connect",
  clickup: "oblivion clickup connect",
};

/** How a workspace's token is replaced; undefined: on the connection's page. */
export function commandOf({
  connection_id,
  source,
}: {
  connection_id?: string | null;
  source?: string;
}): string | undefined {
  return connection_id ? undefined : COMMANDS[source ?? ""];
}
