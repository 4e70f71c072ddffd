import { expect, test } from "vitest";
import { comingIn } from "./comingIn";

const GINA = { name: "Gina", email: "gina@example.com" };

test("who has an address is told to sign in with it, where that is set up", () => {
  const told = comingIn(GINA, { providers: ["oidc", "slack"], development_login: false });
  expect(told.sentences.at(-1)).toContain("“Single sign-on” or “Sign in with Slack”, with gina@example.com");
  expect(told.command).toBeUndefined();
});

test("who has none is not recognised there", () => {
  const told = comingIn({ ...GINA, email: null }, { providers: ["slack"], development_login: false });
  expect(told.sentences.at(-1)).toContain("They cannot sign in by “Sign in with Slack” yet");
});

test("on a development system a link is made for them, and a name is one word to the shell", () => {
  const ways = { providers: [], development_login: true };
  expect(comingIn(GINA, ways).command).toBe("oblivion login --user gina@example.com");
  expect(comingIn({ name: "Gina O'Hara", email: null }, ways).command).toBe(
    "oblivion login --user 'Gina O'\\''Hara'",
  );
});

test("where no way is set up, or none is known, nothing is promised", () => {
  expect(comingIn(GINA, { providers: [], development_login: false }).sentences.at(-1)).toContain("No way to");
  expect(comingIn(GINA, undefined)).toEqual({ sentences: ["Nobody is told by itself: let Gina know."] });
});
