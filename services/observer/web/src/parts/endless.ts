const LENGTH_MAX = 50_000;
/** More containers in one another than anybody writes, at the beginning of a line. */
const NESTED = /^(?:[ \t]*(?:>|[*+-][ \t]|\d{1,9}[.)][ \t])){12}/m;
const MARKS = /([*_~])\1{99}/;
const BARE_ADDRESSES_MAX = 200;

/** Whether it can take a renderer so long that the page stands still; measured, not proved. */
export function isEndless(text: string): boolean {
  return (
    text.length > LENGTH_MAX ||
    NESTED.test(text) ||
    MARKS.test(text) ||
    text.split("www.").length > BARE_ADDRESSES_MAX
  );
}
