import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Refusal } from "@/api/client";
import { ME } from "@/api/me";

/**
 * Sends a form that holds secrets. They go from its fields into the request and nowhere else: a mutation of the
 * query client, or a state, would remember them.
 */
export function useSending(send: (form: FormData) => Promise<void>) {
  const client = useQueryClient();
  const [problem, setProblem] = useState<string | null>(null);
  const [isSending, setSending] = useState(false);

  async function onSubmit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    setSending(true);
    setProblem(null);
    try {
      await send(new FormData(form));
      form.reset();
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) client.setQueryData(ME, null);
      setProblem(error instanceof Refusal ? error.message : "The system does not answer. Try again.");
    } finally {
      setSending(false);
    }
  }

  return { onSubmit, problem, isSending };
}
