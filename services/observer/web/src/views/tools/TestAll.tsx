import { Button, Text } from "@mantine/core";
import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Connection, HubSchemas } from "@/api/client";
import type { PageOf } from "@/parts/paged";
import { useDoing } from "@/parts/useDoing";
import { CONNECTIONS, test } from "./doings";
import { testable } from "./health";

type Health = HubSchemas["ConnectionHealth"];
/** Between two, so that all together stay far below the requests a minute that a person has. */
const PAUSE_MS = 1_000;

/** Tests them one after the other, and tells how far it is. */
export function TestAll({ connections }: { connections: readonly Connection[] }) {
  const [progress, setProgress] = useState("");
  const note = useNoting();
  const wanted = testable(connections);
  const testing = useDoing({
    run: async (chosen: Connection[]) => {
      for (const [index, { id, name }] of chosen.entries()) {
        setProgress(`${name}, ${index + 1} of ${chosen.length}`);
        const [health] = await Promise.all([test(id), pause()]);
        note(id, health);
      }
    },
    done: "All are tested.",
    changes: [["connections"]],
  });
  if (wanted.length === 0) return null;
  return (
    <>
      {testing.isPending && (
        <Text size="sm" c="dimmed" role="status">
          {progress}
        </Text>
      )}
      <Button variant="default" loading={testing.isPending} onClick={() => testing.mutate(wanted)}>
        Test all
      </Button>
    </>
  );
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, PAUSE_MS));
}

/** What a test said stands in the list at once, without asking for all of it again. */
function useNoting() {
  const client = useQueryClient();
  return (id: string, health: Health) =>
    client.setQueryData<InfiniteData<PageOf<Connection>>>(
      CONNECTIONS,
      (known) =>
        known && {
          ...known,
          pages: known.pages.map((page) => ({
            ...page,
            items: page.items.map((each) => (each.id === id ? { ...each, health } : each)),
          })),
        },
    );
}
