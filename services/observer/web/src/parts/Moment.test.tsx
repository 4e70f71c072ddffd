import { MantineProvider } from "@mantine/core";
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Moment } from "./Moment";

const AT = "2026-11-22T09:00:00Z";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(Date.parse(AT) + 4_000);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function shown(at: string | null) {
  return render(
    <MantineProvider>
      <Moment at={at} />
    </MantineProvider>,
  );
}

test("how long ago it was grows while nobody does anything", () => {
  shown(AT);
  expect(screen.getByRole("time").textContent).toMatch(/^4 sec\. ago,/);
  act(() => vi.advanceTimersByTime(3 * 60_000));
  expect(screen.getByRole("time").textContent).toMatch(/^3 min\. ago,/);
});

test("the exact value is there without a mouse", () => {
  shown(AT);
  expect(screen.getByRole("time").textContent).toMatch(/^4 sec\. ago, .*2026/);
});

test("there is one clock for all, and none once nothing is shown", () => {
  const [begun, ended] = [vi.spyOn(globalThis, "setInterval"), vi.spyOn(globalThis, "clearInterval")];
  const [first, second] = [shown(AT), shown(AT)];
  const clocks = begun.mock.results.filter((_, call) => begun.mock.calls[call]?.[1] === 15_000);
  expect(clocks).toHaveLength(1);
  first.unmount();
  expect(ended).not.toHaveBeenCalledWith(clocks[0]?.value);
  second.unmount();
  expect(ended).toHaveBeenCalledWith(clocks[0]?.value);
});

test("what never was is a dash", () => {
  shown(null);
  expect(screen.getByText("–")).toBeDefined();
});
