import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { api, ask } from "@/api/client";
import { useDoing } from "@/parts/useDoing";

export function NewConversation() {
  const navigate = useNavigate();
  const begin = useDoing({
    run: () => ask(api.POST("/api/sessions", { body: { title: "", preferences: {}, source: "web" } })),
    done: "Say what you want.",
    changes: [["sessions"]],
    after: (session) => void navigate({ to: "/sessions/$sessionId", params: { sessionId: session.id } }),
  });
  return (
    <Button loading={begin.isPending} onClick={() => begin.mutate(undefined)}>
      New conversation
    </Button>
  );
}
