import { Text, Tooltip, VisuallyHidden } from "@mantine/core";
import { useTick } from "./useTick";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** "3 min. ago": in the largest unit that fits. */
export function ago(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

/** How long something took: "0.8 s", "12 s", "3 min 5 s". */
export function lasted(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** When it was, in the reader's zone, with the exact value on hover and for whoever has it read aloud. */
export function Moment({ at }: { at: string | null | undefined }) {
  useTick();
  if (!at) return <Text span>–</Text>;
  const when = new Date(at);
  const since = ago(when, new Date());
  return (
    <Tooltip label={exact.format(when)} events={{ hover: true, focus: true, touch: true }}>
      <time className="above moment" dateTime={at}>
        {since}
        <VisuallyHidden component="span">, {exact.format(when)}</VisuallyHidden>
      </time>
    </Tooltip>
  );
}
