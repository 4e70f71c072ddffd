export { type FollowOptions, followJob, type Listener } from "./follow";
export type { Connection, JobStatus, Step } from "./job";
export { type JobProgress, useJobProgress } from "./useJobProgress";
