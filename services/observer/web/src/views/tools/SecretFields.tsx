import { Checkbox, Code, PasswordInput, Text, TextInput } from "@mantine/core";
import type { Kind } from "./kinds";

/** A secret is typed once: it is stored encrypted, and nobody is shown it again. */
export function SecretField({ kind, isRequired }: { kind: Kind; isRequired: boolean }) {
  return (
    <PasswordInput
      name="secret"
      label={kind.secret}
      description="Stored encrypted, and never shown again."
      required={isRequired}
      autoComplete="new-password"
      maxLength={16_384}
    />
  );
}

interface App {
  kind: Kind;
  redirectUri: string | null;
  isRequired: boolean;
}

/** The app that somebody registered where one signs in. */
export function AppFields({ kind, redirectUri, isRequired }: App) {
  return (
    <>
      <Text size="sm">
        {kind.isElsewhere
          ? "Most servers let Oblivion register itself; for others, register an app there"
          : `Register an app at ${kind.title}`}
        {redirectUri !== null && (
          <>
            {" "}
            with the redirect address <Code style={{ overflowWrap: "anywhere" }}>{redirectUri}</Code>
          </>
        )}
        .
      </Text>
      <TextInput name="client_id" label="Client id" required={isRequired} autoComplete="off" />
      <PasswordInput
        name="client_secret"
        label="Client secret"
        description="Stored encrypted, and never shown again. An app that is a public client has none."
        autoComplete="new-password"
      />
      <TextInput
        name="scopes"
        label="Scopes"
        description="In place of what the tools need."
        autoComplete="off"
      />
      <Checkbox
        name="uses_pkce"
        label="The app takes PKCE"
        description="Off only where the vendor refuses it, as Slack does for apps that it is not turned on for."
        defaultChecked={kind.provider !== "slack"}
      />
    </>
  );
}
