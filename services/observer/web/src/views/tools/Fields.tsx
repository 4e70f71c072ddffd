import { Checkbox, NativeSelect, TextInput } from "@mantine/core";
import type { Field } from "./kinds";

interface AddressParts {
  value?: string;
  onChange?: (value: string) => void;
}

/** Where a server is that is not built in. */
export function AddressField({ value, onChange }: AddressParts) {
  return (
    <TextInput
      name="url"
      label="Address"
      type="url"
      required
      placeholder="https://tools.example.com/mcp"
      autoComplete="off"
      value={value}
      onChange={(event) => onChange?.(event.currentTarget.value)}
    />
  );
}

interface SettingParts {
  field: Field;
  isRequired: boolean;
  known?: string;
}

/** What a provider asks for beside its secret. */
export function Setting({ field, isRequired, known }: SettingParts) {
  const parts = {
    name: `settings.${field.name}`,
    label: field.title,
    description: field.about,
    required: isRequired,
    defaultValue: known,
  };
  if (field.choices) return <NativeSelect {...parts} data={field.choices} />;
  return <TextInput {...parts} maxLength={254} autoComplete="off" />;
}

export function TrustField({ isTrusted }: { isTrusted?: boolean }) {
  return (
    <Checkbox
      name="is_trusted"
      label="Trust it as a member"
      description="What it returns counts as said by a member, and what it says of its tools is believed."
      defaultChecked={isTrusted}
    />
  );
}
