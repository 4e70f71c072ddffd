type Pressed = Pick<KeyboardEvent, "key" | "shiftKey" | "isComposing" | "keyCode">;

const COMPOSING = 229;

/** Whether a key sends what was written. While a word is being composed, Enter chooses it and sends nothing. */
export function sends({ key, shiftKey, isComposing, keyCode }: Pressed): boolean {
  // Safari ends composing before it tells of the Enter that ended it; the code is then still the one of composing.
  return key === "Enter" && !shiftKey && !isComposing && keyCode !== COMPOSING;
}
