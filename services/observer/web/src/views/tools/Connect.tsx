import { Button, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ask, type HubSchemas, hub } from "@/api/client";
import { EndOfForm } from "@/parts/EndOfForm";
import { Failed, Waiting } from "@/parts/states";
import { AddressField, Setting, TrustField } from "./Fields";
import { asksForSecret, type Kind, kindsOf, nameProblem, WAYS, type Way, wishOf } from "./kinds";
import { AppFields, SecretField } from "./SecretFields";
import { useSending } from "./useSending";

export function useProviders() {
  return useQuery({
    queryKey: ["providers"],
    queryFn: () => ask(hub.GET("/connections/providers")),
    staleTime: 300_000,
  });
}

/** Connects a tool server: its form is what its provider asks for. */
export function Connect() {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button onClick={open}>Connect</Button>
      <Modal
        opened={isOpen}
        onClose={close}
        title="Connect a tool"
        size="lg"
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Choice />
      </Modal>
    </>
  );
}

function Choice() {
  const providers = useProviders();
  if (providers.isPending) return <Waiting />;
  if (providers.isError) return <Failed error={providers.error} again={() => void providers.refetch()} />;
  return <Form providers={providers.data} />;
}

function Form({ providers }: { providers: HubSchemas["Providers"] }) {
  const kinds = kindsOf(providers);
  const client = useQueryClient();
  const navigate = useNavigate();
  const [provider, setProvider] = useState(kinds[0]?.provider);
  const [chosenWay, setWay] = useState<Way>("secret");
  const [name, setName] = useState("");
  const kind = kinds.find((each) => each.provider === provider) as Kind;
  const way = kind.ways.includes(chosenWay) ? chosenWay : (kind.ways[0] ?? "secret");
  const { onSubmit, problem, isSending } = useSending(async (form) => {
    const made = await ask(hub.POST("/connections", { body: wishOf(kind, way, form) }));
    const params = { path: { connection_id: made.id } };
    // Its page says how that went: what was made is there either way.
    if (way !== "oauth") await hub.POST("/connections/{connection_id}/test", { params }).catch(() => null);
    await client.invalidateQueries({ queryKey: ["connections"] });
    await navigate({ to: "/tools/$connectionId", params: { connectionId: made.id } });
  });
  return (
    <form onSubmit={(event) => void onSubmit(event)}>
      <Stack>
        <NativeSelect
          label="What"
          data={kinds.map((each) => ({ value: each.provider, label: each.title }))}
          value={provider}
          onChange={(event) => setProvider(event.currentTarget.value)}
          data-autofocus
        />
        {kind.ways.length > 1 && (
          <NativeSelect
            label="How it proves itself"
            data={kind.ways.map((each) => ({ value: each, label: WAYS[each] }))}
            value={way}
            onChange={(event) => setWay(event.currentTarget.value as Way)}
          />
        )}
        <TextInput
          name="name"
          label="Name"
          description="The names of its tools begin with it. Small letters, digits and dashes."
          placeholder={kind.isElsewhere ? "" : kind.provider.replaceAll("_", "")}
          required={kind.isElsewhere}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={nameProblem(name)}
          maxLength={32}
          autoComplete="off"
        />
        {/* Another kind is another form: nothing that was typed for one goes to another. */}
        <Asked key={provider} kind={kind} way={way} redirectUri={providers.redirect_uri} />
        <EndOfForm
          verb="Connect"
          problem={problem}
          isSending={isSending}
          isIncomplete={nameProblem(name) !== null}
        />
      </Stack>
    </form>
  );
}

function Asked({ kind, way, redirectUri }: { kind: Kind; way: Way; redirectUri: string | null }) {
  return (
    <Stack>
      {kind.isElsewhere && <AddressField />}
      {kind.fields.map((field) => (
        // A sign-in tells what a key does not.
        <Setting key={field.name} field={field} isRequired={field.isRequired && way !== "oauth"} />
      ))}
      {asksForSecret(kind, way) && <SecretField kind={kind} isRequired={!kind.isElsewhere} />}
      {way === "oauth" && <AppFields kind={kind} redirectUri={redirectUri} isRequired={!kind.isElsewhere} />}
      <TrustField />
    </Stack>
  );
}
