import { Box, Button, Center, Paper, Table } from "@mantine/core";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import type { Pages } from "./paged";
import { Failed, Nothing, Waiting } from "./states";

export interface Column<Item> {
  title: string;
  cell: (item: Item) => ReactNode;
  /** Left out on narrow screens. */
  wide?: boolean;
  width?: string | number;
}

interface Parts<Item> {
  label: string;
  columns: Column<Item>[];
  pages: Pages<Item>;
  idOf: (item: Item) => string;
  empty: { title: string; text: ReactNode };
}

const ROW_PX = 45;
const NEAR_THE_END = 10;

/** A list of any length: only the rows in sight are in the document, and the next page comes before its end. */
export function Rows<Item>({ label, columns, pages, idOf, empty }: Parts<Item>) {
  if (pages.isPending) return <Waiting rows={8} />;
  if (pages.isError && pages.items.length === 0) {
    return <Failed error={pages.error} again={() => void pages.refetch()} />;
  }
  if (pages.items.length === 0) return <Nothing title={empty.title}>{empty.text}</Nothing>;
  return <Filled label={label} columns={columns} pages={pages} idOf={idOf} />;
}

function Filled<Item>({ label, columns, pages, idOf }: Omit<Parts<Item>, "empty">) {
  const place = useRef<HTMLDivElement>(null);
  const { items, hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const rows = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: place.current?.offsetTop ?? 0,
  });
  const shown = rows.getVirtualItems();
  const first = shown[0];
  const last = shown.at(-1);
  const isNearEnd = last !== undefined && last.index >= items.length - NEAR_THE_END;
  useEffect(() => {
    if (isNearEnd && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [isNearEnd, hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <Paper withBorder ref={place}>
      <Box style={{ overflowX: "clip" }}>
        <Table
          className="rows"
          layout="fixed"
          verticalSpacing="xs"
          highlightOnHover
          aria-label={label}
          aria-rowcount={hasNextPage ? -1 : items.length + 1}
        >
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th key={column.title} className={column.wide ? "wide" : ""} w={column.width}>
                  {column.title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            <Gap px={first ? first.start - rows.options.scrollMargin : 0} />
            {shown.map((row) => {
              const item = items[row.index] as Item;
              return (
                <Table.Tr
                  key={idOf(item)}
                  data-index={row.index}
                  ref={rows.measureElement}
                  aria-rowindex={row.index + 2}
                >
                  {columns.map((column) => (
                    <Table.Td key={column.title} className={column.wide ? "wide clip" : "clip"}>
                      {column.cell(item)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              );
            })}
            <Gap px={last ? rows.getTotalSize() + rows.options.scrollMargin - last.end : 0} />
          </Table.Tbody>
        </Table>
      </Box>
      {hasNextPage && (
        <Center p="sm">
          <Button
            variant="default"
            size="xs"
            loading={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            More
          </Button>
        </Center>
      )}
    </Paper>
  );
}

/** Stands for the rows that are out of sight. One cell: more would make columns of their own. */
function Gap({ px }: { px: number }) {
  if (px <= 0) return null;
  return (
    <tr aria-hidden>
      <td style={{ height: px, padding: 0 }} />
    </tr>
  );
}
