import { Button, Group, Paper, Stack, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Pairs } from "@/parts/Pairs";
import { wordsOf } from "@/parts/plain";
import { Failed } from "@/parts/states";
import { View } from "@/parts/View";
import { Opinions } from "./Opinions";
import { Rules } from "./Rules";

/** Where messages go: tried out, and the rules that come before any guessing. */
export function Routing() {
  const me = useMe().data;
  const isAdmin = me ? reaches(me.role, "admin") : false;
  return (
    <View title="Routing" about="Which agent gets a message, and why.">
      <Trial />
      <Rules maySet={isAdmin} />
      {isAdmin && <Opinions />}
    </View>
  );
}

function Trial() {
  const [text, setText] = useState("");
  const attempt = useMutation({ mutationFn: () => ask(api.POST("/api/routes/try", { body: { text } })) });
  return (
    <Paper withBorder p="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          attempt.mutate();
        }}
      >
        <Stack>
          <Textarea
            label="Try a message"
            description="Nothing is done; you see where it would go."
            placeholder="What meetings do we have tomorrow?"
            autosize
            minRows={2}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Group>
            <Button type="submit" disabled={!text.trim()} loading={attempt.isPending}>
              Try
            </Button>
          </Group>
        </Stack>
      </form>
      <div aria-live="polite">
        {attempt.isError && <Failed error={attempt.error} />}
        {attempt.data && <Tried tried={attempt.data} />}
      </div>
    </Paper>
  );
}

function Tried({ tried }: { tried: Schemas["RouteTried"] }) {
  const others = tried.candidates.filter(({ agent }) => agent !== tried.agent).slice(0, 5);
  return (
    <Stack mt="md" gap="sm">
      <Pairs
        title={tried.agent ? `It goes to ${tried.agent}` : "Not clear: the model, or the person, is asked"}
        pairs={[
          ["By", wordsOf(tried.stage)],
          ["Reason", tried.reason],
          ["Score", tried.score.toFixed(2)],
          ["Others", others.map(({ agent, score }) => `${agent} ${score.toFixed(2)}`).join(", ") || "none"],
        ]}
      />
    </Stack>
  );
}
