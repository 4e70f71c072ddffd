import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type JobStatus, type Step, useJobProgress } from "./index.js";

/** A stream that the test speaks through. */
class FakeStream extends EventTarget {
  static opened: FakeStream[] = [];
  readonly CLOSED = 2;
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeStream.opened.push(this);
  }

  say(step: Step): void {
    this.dispatchEvent(new MessageEvent(step.kind, { data: JSON.stringify(step) }));
  }

  close(): void {
    this.readyState = this.CLOSED;
  }
}

const Stream = FakeStream as unknown as typeof EventSource;

function step(sequence: number, kind = "progress"): Step {
  return { run_id: "r", sequence, at: "2026-01-01T00:00:00Z", kind, data: {} };
}

/** An API that knows one run. */
class FakeApi {
  asked: string[] = [];
  answerStatus = 200;
  state = "running";
  steps: Step[] = [];

  readonly fetch = async (input: RequestInfo | URL): Promise<Response> => {
    const path = String(input);
    this.asked.push(path);
    if (this.answerStatus !== 200) return new Response("{}", { status: this.answerStatus });
    const after = Number(new URL(path, "http://x").searchParams.get("after") ?? 0);
    const status: JobStatus = { id: "r", state: this.state, last_sequence: this.steps.length };
    const body = path.includes("/events") ? { items: this.steps.filter((s) => s.sequence > after) } : status;
    return new Response(JSON.stringify(body));
  };
}

let api: FakeApi;
const sequences = (steps: readonly Step[]) => steps.map((each) => each.sequence);
const stream = () => FakeStream.opened.at(-1) as FakeStream;

beforeEach(() => {
  api = new FakeApi();
  FakeStream.opened = [];
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

test("steps arrive live, in order and once each", () => {
  const { result } = renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: Stream }));
  expect(stream().url).toBe("/api/jobs/r/progress");
  act(() => {
    stream().onopen?.();
    for (const each of [step(1, "state"), step(2), step(2), step(1), step(3, "tool")]) stream().say(each);
  });
  expect(result.current.connection).toBe("live");
  expect(sequences(result.current.steps)).toEqual([1, 2, 3]);
});

test("a stream that breaks is left to the browser, which goes on where it broke off", async () => {
  const { result } = renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: Stream }));
  act(() => stream().say(step(1)));
  await act(async () => stream().onerror?.());
  act(() => stream().say(step(2)));
  expect(FakeStream.opened).toHaveLength(1);
  expect(stream().readyState).toBe(0);
  expect(sequences(result.current.steps)).toEqual([1, 2]);
});

test("a stream that ends with its run is closed, and nothing is missing", async () => {
  const { result } = renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: Stream }));
  act(() => stream().say(step(1)));
  api.state = "succeeded";
  api.steps = [step(1), step(2), step(3, "state")];
  await act(async () => stream().onerror?.());
  await waitFor(() => expect(result.current.connection).toBe("ended"));
  expect(sequences(result.current.steps)).toEqual([1, 2, 3]);
  expect(stream().readyState).toBe(stream().CLOSED);
});

test.each([
  ["is refused", 1, true],
  ["breaks three times in a row", 3, false],
])("where a stream %s, the run is asked for instead", async (_how, breaks, closed) => {
  const options = { fetch: api.fetch, EventSource: Stream, pollEveryMs: 5 };
  const { result } = renderHook(() => useJobProgress("r", options));
  api.steps = [step(1)];
  for (let count = 0; count < breaks; count += 1) {
    if (closed) stream().close();
    await act(async () => stream().onerror?.());
  }
  await waitFor(() => expect(result.current.connection).toBe("polling"));
  await waitFor(() => expect(sequences(result.current.steps)).toEqual([1]));
  api.steps = [step(1), step(2)];
  api.state = "failed";
  await waitFor(() => expect(result.current.connection).toBe("ended"));
  expect(sequences(result.current.steps)).toEqual([1, 2]);
});

test("a stream that breaks now and then, and has nothing to say, is followed all the same", async () => {
  vi.useFakeTimers();
  const { result } = renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: Stream }));
  for (let count = 0; count < 5; count += 1) {
    act(() => stream().onopen?.());
    vi.advanceTimersByTime(60_000);
    await act(async () => stream().onerror?.());
  }
  expect(result.current.connection).toBe("live");
  expect(stream().readyState).toBe(0);
});

test("an id that looks like a path leads to no other one", async () => {
  renderHook(() =>
    useJobProgress("../../x?y#", { fetch: api.fetch, EventSource: null, pollEveryMs: 60_000 }),
  );
  await waitFor(() => expect(api.asked).toEqual(["/api/jobs/..%2F..%2Fx%3Fy%23/status"]));
});

test("without streams it asks every two seconds", async () => {
  vi.useFakeTimers();
  renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: null }));
  await vi.advanceTimersByTimeAsync(0);
  expect(api.asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(api.asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(api.asked).toHaveLength(2);
});

test("an API that is away is asked again, and one that refuses is not", async () => {
  const options = { fetch: api.fetch, EventSource: null, pollEveryMs: 5 };
  api.answerStatus = 503;
  const { result } = renderHook(() => useJobProgress("r", options));
  await waitFor(() => expect(api.asked.length).toBeGreaterThan(2));
  api.answerStatus = 404;
  await waitFor(() => expect(result.current.connection).toBe("failed"));
  expect(result.current.error?.message).toBe("404");
});

test("nothing is left when the component goes", async () => {
  vi.useFakeTimers();
  const streamed = renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: Stream }));
  const polled = renderHook(() => useJobProgress("r", { fetch: api.fetch, EventSource: null }));
  await vi.advanceTimersByTimeAsync(0);
  streamed.unmount();
  polled.unmount();
  expect(stream().readyState).toBe(stream().CLOSED);
  const asked = api.asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(api.asked).toHaveLength(asked);
  expect(vi.getTimerCount()).toBe(0);
});

test("another run is followed from its beginning", () => {
  const { result, rerender } = renderHook(
    ({ id }) => useJobProgress(id, { fetch: api.fetch, EventSource: Stream }),
    { initialProps: { id: "r" as string | null } },
  );
  act(() => stream().say(step(1)));
  const first = stream();
  rerender({ id: "s" });
  expect(first.readyState).toBe(first.CLOSED);
  expect(stream().url).toBe("/api/jobs/s/progress");
  expect(result.current.steps).toEqual([]);
  rerender({ id: null });
  expect(stream().readyState).toBe(stream().CLOSED);
});
