import { expect, test } from "vitest";
import type { Connection } from "@/api/client";
import { changeOf, fieldsOf, type Kind, kindsOf, movesSecret, nameProblem, wishOf } from "./kinds";

const jira = {
  name: "jira",
  title: "Jira",
  auth: "api_key" as const,
  signs_in: true,
  settings_schema: {
    properties: { site: { title: "Site", description: "Before .atlassian.net" } },
    required: ["site"],
  },
  tools: [],
};

function kind(provider: string): Kind {
  const kinds = kindsOf({ items: [jira], stdio_servers: ["files"], redirect_uri: null });
  return kinds.find((each) => each.provider === provider) as Kind;
}

function filled(values: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.set(name, value);
  return form;
}

test("a provider's form is what its description asks for", () => {
  expect(fieldsOf(jira.settings_schema)).toEqual([
    {
      name: "site",
      title: "Site",
      about: "Before .atlassian.net",
      isRequired: true,
      choices: undefined,
    },
  ]);
  expect(kind("jira").ways).toEqual(["secret", "oauth"]);
  expect(kind("stdio").fields[0]?.choices).toEqual(["files"]);
});

test("what is left empty is left out, and a key is taken without the blanks around it", () => {
  const wish = wishOf(kind("jira"), "secret", filled({ "settings.site": "", secret: " k-1\n", name: "" }));
  expect(wish).toMatchObject({ provider: "jira", name: null, settings: {}, secret: "k-1", client: null });
});

test("a secret that was typed before another way was chosen is not sent", () => {
  const wish = wishOf(kind("mcp"), "oauth", filled({ url: "https://a.example/mcp", secret: "k-1" }));
  expect(wish).toMatchObject({ url: "https://a.example/mcp", secret: null, client: null, auth: "oauth" });
});

test("an app is given with its scopes, whether they are parted by blanks or commas", () => {
  const form = filled({
    client_id: "app",
    client_secret: "s",
    scopes: "read, write  admin",
    uses_pkce: "on",
  });
  expect(wishOf(kind("jira"), "oauth", form).client).toEqual({
    client_id: "app",
    client_secret: "s",
    scopes: ["read", "write", "admin"],
    uses_pkce: true,
  });
});

const connection: Connection = {
  id: "1",
  name: "work",
  provider: "jira",
  url: null,
  settings: { site: "acme", cache_s: 60 },
  auth: "secret",
  has_secret: true,
  is_trusted: false,
  state: "active",
  health: null,
  sign_in: null,
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-01T00:00:00Z",
};
const wiki: Connection = {
  ...connection,
  provider: "mcp",
  url: "https://wiki.example.com/mcp",
  settings: {},
};

test("of a changed connection only what is changed is sent, and settings without a field stay", () => {
  const same = filled({ "settings.site": "acme" });
  expect(changeOf(connection, kind("jira"), same)).toEqual({});
  const other = filled({ "settings.site": " other ", is_trusted: "on" });
  expect(changeOf(connection, kind("jira"), other)).toEqual({
    settings: { site: "other", cache_s: 60 },
    is_trusted: true,
  });
  expect(changeOf(connection, kind("jira"), filled({}))).toEqual({ settings: { cache_s: 60 } });
});

test("a server that moves to another host is given its key again, and one that stays there is not", () => {
  expect(movesSecret(wiki, "https://wiki.example.com/v2")).toBe(false);
  expect(movesSecret(wiki, "http://wiki.example.com/mcp")).toBe(true);
  expect(movesSecret(wiki, "https://other.example.com/mcp")).toBe(true);
  expect(movesSecret({ ...wiki, has_secret: false }, "https://other.example.com/mcp")).toBe(false);
  const moved = filled({ url: "https://other.example.com/mcp", secret: "s" });
  expect(changeOf(wiki, kind("mcp"), moved)).toEqual({ url: "https://other.example.com/mcp", secret: "s" });
});

test("a name that cannot be is told which characters it may have", () => {
  for (const name of ["", "wiki", "my-wiki2", "a"]) expect(nameProblem(name)).toBeNull();
  for (const name of ["My wiki", "wiki_2", "-wiki", "wiki-"])
    expect(nameProblem(name)).toMatch(/small letters/);
});
