/**
 * The one way to the API. The browser's cookie goes along by itself; the page never sees a token.
 * Types are generated from the OpenAPI of the gateway and of the MCP hub (`make page-types`).
 */

import createClient from "openapi-fetch";
import type { components as HubComponents, paths as HubPaths } from "./hub";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Run = Schemas["RunView"];
export type Agent = Schemas["AgentView"];
export type Mapping = Schemas["MappingView"];
export type Me = Schemas["Me"];
export type HubSchemas = HubComponents["schemas"];
export type Connection = HubSchemas["ConnectionView"];

export const api = createClient<paths>({ baseUrl: "/" });
/** Connections to tool servers: the MCP hub's, behind the same cookie. */
export const hub = createClient<HubPaths>({ baseUrl: "/" });

/** An answer that says no, in the API's own words (RFC 9457). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    /** How long the API wants to be left alone. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(detail);
  }

  /** Asking again can help: nobody has refused, something was away. */
  get passes(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The body of an answer; what is no success is thrown as a `Refusal`. */
export async function ask<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await call;
  if (!response.ok) throw refusal(response, error);
  return data as Data;
}

function refusal({ status, headers }: Response, body: unknown): Refusal {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Partial<Schemas["Problem"]>;
  const detail = problem.detail || problem.title || `The API answered ${status}.`;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return new Refusal(status, problem.code ?? "unknown", detail, seconds > 0 ? seconds * 1000 : null);
}
