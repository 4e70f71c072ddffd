import { expect, test } from "vitest";
import { fieldsOf, type Kind, kindsOf, wishOf } from "./kinds";

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
