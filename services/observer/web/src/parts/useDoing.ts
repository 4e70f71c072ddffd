import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";

interface Wish<Input, Result> {
  run: (input: Input) => Promise<Result>;
  /** Said when it is done; nothing where it is in sight at once. */
  done?: string;
  /** What it changes: queries whose keys begin so are asked again. */
  changes: readonly (readonly unknown[])[];
  /** By which others see that it is being done. */
  key?: readonly unknown[];
  after?: (result: Result) => void;
}

/** Something that a person does: says that it is done, and always why it is not. */
export function useDoing<Input, Result>({ run, done, changes, key, after }: Wish<Input, Result>) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: key,
    mutationFn: run,
    onSuccess: async (result) => {
      if (done) notifications.show({ message: done, color: "green" });
      await Promise.all(changes.map((queryKey) => client.invalidateQueries({ queryKey })));
      after?.(result);
    },
    onError: (error) =>
      notifications.show({ title: "That was not done", message: error.message, color: "red" }),
  });
}
