/** What is done with a connection, from wherever on the page. */

import { useIsMutating } from "@tanstack/react-query";
import { ask, type Connection, type HubSchemas, hub } from "@/api/client";
import { usePages } from "@/parts/paged";
import { useDoing } from "@/parts/useDoing";
import type { Change } from "./kinds";

/** The key of their list. */
export const CONNECTIONS = ["connections", "list"] as const;

/** All of them, as they come and change. */
export function useConnections(everyMs: number) {
  return usePages<Connection>({ key: CONNECTIONS, load: () => ask(hub.GET("/connections")), everyMs });
}

export function change(id: string, wish: Change) {
  // What is left out stays as it is, which the generated type does not know of.
  const body = wish as HubSchemas["ConnectionChange"];
  return ask(hub.PATCH("/connections/{connection_id}", { params: { path: { connection_id: id } }, body }));
}

export function test(id: string) {
  return ask(hub.POST("/connections/{connection_id}/test", { params: { path: { connection_id: id } } }));
}

function testKey(id: string) {
  return ["connections", "test", id] as const;
}

/** Whether it is being tested, by whichever button. */
export function useIsTested(id: string): boolean {
  return useIsMutating({ mutationKey: testKey(id) }) > 0;
}

export function useTest(connection: Connection) {
  return useDoing({
    key: testKey(connection.id),
    run: () => test(connection.id),
    done: `${connection.name} was tried.`,
    changes: [["connections"]],
  });
}
