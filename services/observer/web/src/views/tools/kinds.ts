import type { Connection, HubSchemas } from "@/api/client";

export type Way = HubSchemas["ConnectionView"]["auth"];
type NewConnection = HubSchemas["NewConnection"];
/** What is left out stays as it is. */
export type Change = Partial<HubSchemas["ConnectionChange"]>;

const NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Why a connection cannot be called so; one that is left empty gets its provider's name. */
export function nameProblem(name: string): string | null {
  if (name === "" || NAME.test(name)) return null;
  return "Use small letters, digits and dashes; the first and the last is a letter or a digit.";
}

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

function settingsOf(kind: Kind, form: FormData): Record<string, string> {
  const said = kind.fields.map(({ name }) => [name, String(form.get(`settings.${name}`) ?? "").trim()]);
  return Object.fromEntries(said.filter(([, value]) => value !== ""));
}

/** What was filled in, as the API takes it; what was left empty is left out. */
export function wishOf(kind: Kind, way: Way, form: FormData): NewConnection {
  const said = (name: string) => String(form.get(name) ?? "").trim();
  return {
    provider: kind.provider,
    name: said("name") || null,
    url: kind.isElsewhere ? said("url") : null,
    settings: settingsOf(kind, form),
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

/** Whether its key has to be given again at that address: it is shown to no server that it was not given for. */
export function movesSecret({ auth, has_secret, url }: Connection, to: string): boolean {
  return auth === "secret" && has_secret && url !== null && originOf(url) !== originOf(to);
}

function originOf(url: string): string {
  return URL.parse(url)?.origin ?? "";
}

/** What was changed in a form about a connection; settings that the form does not show stay as they are. */
export function changeOf(connection: Connection, kind: Kind, form: FormData): Change {
  const shown = new Set(kind.fields.map(({ name }) => name));
  const others = Object.entries(connection.settings).filter(([name]) => !shown.has(name));
  const settings = { ...Object.fromEntries(others), ...settingsOf(kind, form) };
  const url = String(form.get("url") ?? "").trim();
  const secret = String(form.get("secret") ?? "").trim();
  const change: Change = {};
  if (kind.isElsewhere && url !== connection.url) change.url = url;
  if (secret !== "") change.secret = secret;
  if (!areAlike(settings, connection.settings)) change.settings = settings;
  if (form.has("is_trusted") !== connection.is_trusted) change.is_trusted = form.has("is_trusted");
  return change;
}

function areAlike(one: Record<string, unknown>, other: Record<string, unknown>): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => one[name] === other[name]);
}
