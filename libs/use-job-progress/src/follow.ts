/**
 * One run, followed to its end: by a stream where one can be had, else by asking every two seconds.
 *
 * Steps arrive in order and once each. The stream's end and its break look the same to a browser, so each
 * is followed by a question for the status, which tells them apart.
 */

import { type Connection, isFinal, type JobStatus, STEP_KINDS, type Step } from "./job.js";

export interface Listener {
  onStep(step: Step): void;
  onStatus(status: JobStatus): void;
  onConnection(connection: Connection, error?: Error): void;
}

export interface FollowOptions {
  /** Where the API is; default: the page's own host. */
  baseUrl?: string;
  pollEveryMs?: number;
  fetch?: typeof fetch;
  /** `null`: never stream. */
  EventSource?: typeof EventSource | null;
}

/** Breaks in a row after which streams count as not to be had. */
const BREAKS_MAX = 3;
/** A stream that was open for so long could be had, also when it had nothing to say. */
const LASTING_MS = 10_000;
const POLL_EVERY_MS = 2_000;

/** Starts to follow; call what it returns to stop. */
export function followJob(jobId: string, listener: Listener, options: FollowOptions = {}): () => void {
  const follower = new Follower(jobId, listener, options);
  follower.start();
  return () => follower.stop();
}

class Refused extends Error {}

class Follower {
  private readonly base: string;
  /** As a part of a path: whatever it holds, it leads to no other one. */
  private readonly job: string;
  private readonly pollEveryMs: number;
  private readonly ask: typeof fetch;
  private readonly Stream: typeof EventSource | null;
  private readonly stopping = new AbortController();
  private stream: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private seen = 0;
  private breaks = 0;
  private openedAt = Number.POSITIVE_INFINITY;

  constructor(
    jobId: string,
    private readonly listener: Listener,
    options: FollowOptions,
  ) {
    this.base = options.baseUrl ?? "";
    this.job = encodeURIComponent(jobId);
    this.pollEveryMs = options.pollEveryMs ?? POLL_EVERY_MS;
    this.ask = options.fetch ?? ((...request) => fetch(...request));
    const ofBrowser = typeof EventSource === "undefined" ? null : EventSource;
    this.Stream = options.EventSource === undefined ? ofBrowser : options.EventSource;
  }

  start(): void {
    this.listener.onConnection("connecting");
    if (this.Stream === null) void this.poll();
    else this.open(this.Stream);
  }

  stop(): void {
    this.stopping.abort();
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
  }

  private open(Stream: typeof EventSource): void {
    const stream = new Stream(`${this.base}/api/jobs/${this.job}/progress`);
    this.stream = stream;
    stream.onopen = () => {
      this.openedAt = Date.now();
      this.listener.onConnection("live");
    };
    stream.onerror = () => void this.broken(stream);
    for (const kind of STEP_KINDS) {
      stream.addEventListener(kind, (event) => this.took(JSON.parse((event as MessageEvent<string>).data)));
    }
  }

  private took(step: Step): void {
    this.breaks = 0;
    if (step.sequence <= this.seen || this.stopping.signal.aborted) return;
    this.seen = step.sequence;
    this.listener.onStep(step);
  }

  private async broken(stream: EventSource): Promise<void> {
    const hasLasted = Date.now() - this.openedAt >= LASTING_MS;
    this.breaks = hasLasted ? 1 : this.breaks + 1;
    this.openedAt = Number.POSITIVE_INFINITY;
    const isOver = stream.readyState === stream.CLOSED || this.breaks >= BREAKS_MAX;
    try {
      if (await this.isEnded()) return;
    } catch (error) {
      if (this.failedForGood(error)) return;
    }
    if (!isOver || this.stream !== stream) return; // The browser connects again by itself.
    stream.close();
    this.stream = null;
    await this.poll();
  }

  private async poll(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.listener.onConnection("polling");
    try {
      if (await this.isEnded()) return;
    } catch (error) {
      if (this.failedForGood(error)) return;
    }
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => void this.poll(), this.pollEveryMs);
  }

  /** Whether the run is over; then, and while polling, what was missed of its steps is fetched. */
  private async isEnded(): Promise<boolean> {
    const status = await this.get<JobStatus>(`/api/jobs/${this.job}/status`);
    if (isFinal(status.state) || this.stream === null) await this.catchUp(status.last_sequence);
    if (this.stopping.signal.aborted) return true;
    this.listener.onStatus(status);
    if (!isFinal(status.state)) return false;
    this.stop();
    this.listener.onConnection("ended");
    return true;
  }

  private async catchUp(last: number): Promise<void> {
    while (this.seen < last && !this.stopping.signal.aborted) {
      const path = `/api/runs/${this.job}/events?after=${this.seen}`;
      const { items } = await this.get<{ items: Step[] }>(path);
      if (items.length === 0) return;
      for (const step of items) this.took(step);
    }
  }

  private async get<Body>(path: string): Promise<Body> {
    const answer = await this.ask(`${this.base}${path}`, { signal: this.stopping.signal });
    if ([401, 403, 404].includes(answer.status)) throw new Refused(`${answer.status}`);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return (await answer.json()) as Body;
  }

  /** What asking again cannot mend ends it; anything else is tried again. */
  private failedForGood(error: unknown): boolean {
    if (this.stopping.signal.aborted) return true;
    if (!(error instanceof Refused)) return false;
    this.stop();
    this.listener.onConnection("failed", error);
    return true;
  }
}
