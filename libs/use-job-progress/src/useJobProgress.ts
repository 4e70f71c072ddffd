import { useEffect, useState } from "react";
import { type FollowOptions, followJob } from "./follow.js";
import type { Connection, JobStatus, Step } from "./job.js";

export interface JobProgress {
  /** Oldest first. */
  steps: readonly Step[];
  /** As last asked for; null while the stream alone tells. */
  status: JobStatus | null;
  connection: Connection;
  /** Why it failed; its message is the answer's status. */
  error: Error | null;
}

const NOTHING_YET: JobProgress = { steps: [], status: null, connection: "connecting", error: null };

/** Follows a run for as long as the component is there; `null` follows nothing. */
export function useJobProgress(jobId: string | null, options: FollowOptions = {}): JobProgress {
  const [progress, setProgress] = useState<JobProgress>(NOTHING_YET);
  const { baseUrl, pollEveryMs, fetch, EventSource } = options;
  useEffect(() => {
    setProgress(NOTHING_YET);
    if (jobId === null) return;
    const listener = {
      onStep: (step: Step) => setProgress((now) => ({ ...now, steps: [...now.steps, step] })),
      onStatus: (status: JobStatus) => setProgress((now) => ({ ...now, status })),
      onConnection: (connection: Connection, error?: Error) =>
        setProgress((now) => ({ ...now, connection, error: error ?? null })),
    };
    return followJob(jobId, listener, { baseUrl, pollEveryMs, fetch, EventSource });
  }, [jobId, baseUrl, pollEveryMs, fetch, EventSource]);
  return progress;
}
