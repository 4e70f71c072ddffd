export interface Part {
  /** Which of the parts it is. */
  place: number;
  text: string;
  isCode: boolean;
}

/** A question's detail without its fences: what stood between them is code, to the letter. */
export function withoutFences(detail: string): Part[] {
  return detail
    .split(/^```\w*\n([\s\S]*?)\n?```$/m)
    .map((text, place) => ({ place, text: place % 2 ? text : text.trim(), isCode: place % 2 === 1 }))
    .filter(({ text }) => text);
}
