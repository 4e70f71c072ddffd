export { type FollowOptions, followJob, type Listener } from "./follow.js";
export type { Connection, JobStatus, Step } from "./job.js";
export { type JobProgress, useJobProgress } from "./useJobProgress.js";
