/** Where somebody was when they went away to sign in: identity providers send them back to `/`. */

const KEY = "oblivion.back";

export function rememberPlace(): void {
  sessionStorage.setItem(KEY, location.pathname + location.search);
}

/** The place to go back to, once; never an address outside of this page. */
export function placeToGoBackTo(): string | null {
  const place = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return place?.startsWith("/") && !place.startsWith("//") && place !== "/" ? place : null;
}
