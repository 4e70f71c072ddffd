import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { io } from "socket.io-client";
import type { Schemas } from "@/api/client";
import { ME } from "@/api/me";
import { type Batch, type Kept, NOTHING_YET, withBatch } from "./lines";

type End = Schemas["FeedEnd"];

/** `connecting`: nothing has come yet, or not since the connection was lost. */
export type Connection = "connecting" | "live" | "ended";

export interface Feed {
  kept: Kept;
  connection: Connection;
  /** Something has come: an empty feed is known to be empty. */
  isKnown: boolean;
  /** Why nothing more comes. */
  end: End | null;
  /** Why nothing comes yet, where it will: the connection is tried again. */
  hindrance: string | null;
  again: () => void;
}

const AGAIN_MS = 2_000;
const NOT_SIGNED_IN = new Set(["sign_in_needed", "token_rejected"]);
/** Refusals that no patience helps with. */
const FINAL = new Set([...NOT_SIGNED_IN, "not_allowed", "cross_site_refused"]);

/**
 * The tenant's live feed, for as long as the view is open. Each batch says where the next one begins, so after
 * a lost connection it goes on there: no line is lost or comes twice, and what is not kept any more is a gap.
 */
export function useFeed(): Feed {
  const [kept, setKept] = useState(NOTHING_YET);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [isKnown, setKnown] = useState(false);
  const [end, setEnd] = useState<End | null>(null);
  const [hindrance, setHindrance] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const queries = useQueryClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: Another turn is another connection.
  useEffect(() => {
    let after: string | undefined;
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const socket = io("/admin", { transports: ["websocket"], forceNew: true, reconnectionDelayMax: 3_000 });
    const stop = (why: End) => {
      setEnd(why);
      setConnection("ended");
      if (NOT_SIGNED_IN.has(why.code)) void queries.invalidateQueries({ queryKey: ME });
    };
    const comeBack = () => {
      setConnection("connecting");
      clearTimeout(waiting);
      // Where the connection broke the client comes back by itself; where it was closed or refused it does not.
      if (!socket.active) waiting = setTimeout(() => socket.connect(), AGAIN_MS);
    };
    let ended = false;
    socket.on("connect", () => socket.emit("follow", after === undefined ? {} : { after }));
    socket.on("lines", (batch: Batch, taken: () => void) => {
      after = batch.cursor;
      setKept((now) => withBatch(now, batch));
      setKnown(true);
      setHindrance(null);
      setConnection("live");
      taken();
    });
    socket.on("end", (why: End) => {
      ended = !why.passes;
      if (ended) stop(why);
      else setHindrance(why.detail);
    });
    socket.on("disconnect", () => {
      if (!ended) comeBack();
    });
    socket.on("connect_error", (error: Error & { data?: unknown }) => {
      const code = String(error.data ?? "");
      if (FINAL.has(code)) stop({ code, detail: error.message, passes: false });
      else {
        // A refusal with a code is a sentence for people; anything else is the network's.
        if (code) setHindrance(error.message);
        comeBack();
      }
    });
    return () => {
      clearTimeout(waiting);
      socket.removeAllListeners();
      socket.disconnect();
    };
  }, [turn, queries]);
  const again = useCallback(() => {
    setKept(NOTHING_YET);
    setKnown(false);
    setEnd(null);
    setHindrance(null);
    setConnection("connecting");
    setTurn((now) => now + 1);
  }, []);
  return { kept, connection, isKnown, end, hindrance, again };
}
