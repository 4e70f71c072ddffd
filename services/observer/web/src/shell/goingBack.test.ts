import { beforeEach, expect, test } from "vitest";
import { placeToGoBackTo, rememberPlace } from "./goingBack";

beforeEach(() => sessionStorage.clear());

test("one goes back to where one was, once", () => {
  history.pushState({}, "", "/runs?state=failed");
  rememberPlace();
  expect(placeToGoBackTo()).toBe("/runs?state=failed");
  expect(placeToGoBackTo()).toBeNull();
});

test("nobody is sent to another site", () => {
  for (const place of ["//evil.example", "https://evil.example", "/"]) {
    sessionStorage.setItem("oblivion.back", place);
    expect(placeToGoBackTo()).toBeNull();
  }
});
