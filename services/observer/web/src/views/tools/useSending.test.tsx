import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Refusal } from "@/api/client";
import { ME } from "@/api/me";
import { useSending } from "./useSending";

afterEach(cleanup);

function Form({ send }: { send: (form: FormData) => Promise<void> }) {
  const { onSubmit, problem } = useSending(send);
  return (
    <form onSubmit={(event) => void onSubmit(event)}>
      <input aria-label="Key" name="secret" type="password" />
      <button type="submit">Send</button>
      {problem !== null && <p role="alert">{problem}</p>}
    </form>
  );
}

function sent(send: (form: FormData) => Promise<void>): { client: QueryClient; field: HTMLInputElement } {
  const client = new QueryClient();
  render(
    <QueryClientProvider client={client}>
      <Form send={send} />
    </QueryClientProvider>,
  );
  const field = screen.getByLabelText<HTMLInputElement>("Key");
  field.value = "k-1";
  fireEvent.click(screen.getByRole("button"));
  return { client, field };
}

test("a secret goes into the request, and stays nowhere", async () => {
  const requests: unknown[] = [];
  const { client, field } = sent(async (form) => void requests.push(form.get("secret")));
  await waitFor(() => expect(field.value).toBe(""));
  expect(requests).toEqual(["k-1"]);
  expect(client.getMutationCache().getAll()).toEqual([]);
  expect(client.getQueryCache().getAll()).toEqual([]);
});

test("what was typed is kept while it can be mended, beside the API's words", async () => {
  const { field } = sent(() => Promise.reject(new Refusal(422, "connection_invalid", "It needs a name.")));
  expect((await screen.findByRole("alert")).textContent).toBe("It needs a name.");
  expect(field.value).toBe("k-1");
});

test("whoever is not signed in any more is asked to", async () => {
  const { client } = sent(() => Promise.reject(new Refusal(401, "sign_in_needed", "Sign in.")));
  await screen.findByRole("alert");
  expect(client.getQueryData(ME)).toBeNull();
});
