import { Paper, Table, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** Names and values. */
export function Pairs({ title, pairs }: { title: string; pairs: [string, ReactNode][] }) {
  return (
    <Paper withBorder p="md" className="pairs">
      <Title order={2} size="h5" mb="xs">
        {title}
      </Title>
      <Table verticalSpacing={4} horizontalSpacing={0} withRowBorders={false} layout="fixed">
        <Table.Tbody>
          {pairs.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th fw={400} c="dimmed" scope="row">
                {name}
              </Table.Th>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}
