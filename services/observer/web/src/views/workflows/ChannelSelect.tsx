import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { nameOf, type Place, usePlaces } from "../mappings/usePlaces";

interface Parts {
  label: string;
  description: string;
  /** What it means that none is chosen. */
  none?: string;
  value: string | null;
  onChange: (channel: string | null, place?: Place) => void;
}

/** A Slack channel that the app knows, searched where they are kept. */
export function ChannelSelect({ label, description, none = "No channel", value, onChange }: Parts) {
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed, 250);
  const found = usePlaces("channel", search);
  const own = usePlaces("channel", value ?? "");
  const places = [...own.items.filter((place) => place.external_id === value), ...found.items];
  const options = new Map(
    places.map((place) => [
      place.external_id,
      {
        value: place.external_id,
        label: place.is_member ? nameOf(place) : `${nameOf(place)} (not invited yet)`,
      },
    ]),
  );
  if (value !== null && !options.has(value)) options.set(value, { value, label: value });
  return (
    <Select
      label={label}
      description={description}
      placeholder={none}
      data={[...options.values()]}
      value={value}
      onChange={(channel) =>
        onChange(
          channel,
          places.find((place) => place.external_id === channel),
        )
      }
      onSearchChange={setTyped}
      filter={({ options: all }) => all}
      searchable
      clearable
      clearButtonProps={{ "aria-label": none }}
      nothingFoundMessage={found.head?.is_reading ? "They are being read." : "No channel is called so."}
      error={found.isError ? found.error.message : found.head?.problem}
    />
  );
}
