import type { HubSchemas } from "@/api/client";

export type Way = HubSchemas["ConnectionView"]["auth"];
type NewConnection = HubSchemas["NewConnection"];

/** What a provider asks for beside its secret. */
export interface Field {
  name: string;
  title: string;
  about: string;
  isRequired: boolean;
  choices?: string[];
}

/** A kind of connection that can be made. */
export interface Kind {
  provider: string;
  title: string;
  ways: Way[];
  fields: Field[];
  /** Its address is asked for. */
  isElsewhere: boolean;
  /** What the secret is called there. */
  secret: "API key" | "Bot token" | "Token";
}

export const WAYS: Record<Way, string> = {
  secret: "By a key",
  oauth: "By signing in (OAuth)",
  signed_identity: "By a token that Oblivion signs",
};

const ANY_SERVER: Kind = {
  provider: "mcp",
  title: "Any MCP server",
  ways: ["secret", "oauth", "signed_identity"],
  fields: [],
  isElsewhere: true,
  secret: "Token",
};

/** Everything that can be chosen: the built-in ones, any server by its address, the operator's own. */
export function kindsOf({ items, stdio_servers: servers }: HubSchemas["Providers"]): Kind[] {
  const kinds = [...items.map(builtIn), ANY_SERVER];
  return servers.length > 0 ? [...kinds, ofOperator(servers)] : kinds;
}

function builtIn(provider: HubSchemas["ProviderView"]): Kind {
  const ways: Way[] = provider.auth === "oauth" ? [] : ["secret"];
  return {
    provider: provider.name,
    title: provider.title,
    ways: provider.signs_in ? [...ways, "oauth"] : ways,
    fields: fieldsOf(provider.settings_schema),
    isElsewhere: false,
    secret: provider.auth === "bot_token" ? "Bot token" : "API key",
  };
}

function ofOperator(servers: string[]): Kind {
  const server = { name: "server", title: "Server", about: "Of the operator's list.", isRequired: true };
  return {
    provider: "stdio",
    title: "A server of the operator's list",
    ways: ["secret"],
    fields: [{ ...server, choices: servers }],
    isElsewhere: false,
    secret: "Token",
  };
}

interface Property {
  title?: string;
  description?: string;
  enum?: string[];
}

/** The fields of a JSON Schema whose properties are texts, as those of providers are. */
export function fieldsOf(schema: Record<string, unknown>): Field[] {
  const required = (schema.required ?? []) as string[];
  const properties = (schema.properties ?? {}) as Record<string, Property>;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    title: property.title ?? name,
    about: property.description ?? "",
    isRequired: required.includes(name),
    choices: property.enum,
  }));
}

export function asksForSecret(kind: Kind, way: Way): boolean {
  return way === "secret" && kind.provider !== "stdio";
}

/** What was filled in, as the API takes it; what was left empty is left out. */
export function wishOf(kind: Kind, way: Way, form: FormData): NewConnection {
  const said = (name: string) => String(form.get(name) ?? "").trim();
  const settings = kind.fields
    .map((field): [string, string] => [field.name, said(`settings.${field.name}`)])
    .filter(([, value]) => value !== "");
  return {
    provider: kind.provider,
    name: said("name") || null,
    url: kind.isElsewhere ? said("url") : null,
    settings: Object.fromEntries(settings),
    secret: asksForSecret(kind, way) ? said("secret") || null : null,
    auth: way,
    client: way === "oauth" ? clientOf(form) : null,
    is_trusted: form.has("is_trusted"),
  };
}

/** The app to sign in with; null: the server lets apps register themselves. */
export function clientOf(form: FormData): HubSchemas["OAuthClient"] | null {
  const said = (name: string) => String(form.get(name) ?? "").trim();
  if (said("client_id") === "") return null;
  return {
    client_id: said("client_id"),
    client_secret: said("client_secret") || null,
    scopes: said("scopes")
      .split(/[\s,]+/)
      .filter(Boolean),
    uses_pkce: form.has("uses_pkce"),
  };
}
