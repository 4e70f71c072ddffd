import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { Broken, Nothing } from "@/parts/states";
import { placeToGoBackTo } from "@/shell/goingBack";
import { Shell } from "@/shell/Shell";

/** From the address: set, or as if it were not there. */
function flag(value: unknown): true | undefined {
  return value === true || undefined;
}

/** Text from the address; anything else that stands there is as if it were not. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Nothing title="Nothing is at this address">The navigation leads to what is there.</Nothing>
  ),
});
const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: (found): { minutes?: number } => ({
    minutes: typeof found.minutes === "number" ? found.minutes : undefined,
  }),
  beforeLoad: () => {
    const href = placeToGoBackTo();
    if (href !== null) throw redirect({ href });
  },
  component: lazyRouteComponent(() => import("@/views/overview/Overview"), "Overview"),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: (found): { state?: string; agent?: string } => ({
    state: text(found.state),
    agent: text(found.agent),
  }),
  component: lazyRouteComponent(() => import("@/views/runs/Runs"), "Runs"),
});
const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  component: lazyRouteComponent(() => import("@/views/runs/OneRun"), "OneRun"),
});
const agents = createRoute({
  getParentRoute: () => root,
  path: "/agents",
  validateSearch: (found): { search?: string } => ({ search: text(found.search) }),
  component: lazyRouteComponent(() => import("@/views/agents/Agents"), "Agents"),
});
const agent = createRoute({
  getParentRoute: () => root,
  path: "/agents/$agentId",
  component: lazyRouteComponent(() => import("@/views/agents/OneAgent"), "OneAgent"),
});
const sessions = createRoute({
  getParentRoute: () => root,
  path: "/sessions",
  component: lazyRouteComponent(() => import("@/views/sessions/Sessions"), "Sessions"),
});
const session = createRoute({
  getParentRoute: () => root,
  path: "/sessions/$sessionId",
  component: lazyRouteComponent(() => import("@/views/sessions/OneSession"), "OneSession"),
});
const tools = createRoute({
  getParentRoute: () => root,
  path: "/tools",
  validateSearch: (found): { failing?: true } => ({ failing: flag(found.failing) }),
  component: lazyRouteComponent(() => import("@/views/tools/Tools"), "Tools"),
});
const connection = createRoute({
  getParentRoute: () => root,
  path: "/tools/$connectionId",
  component: lazyRouteComponent(() => import("@/views/tools/OneConnection"), "OneConnection"),
});
const mappings = createRoute({
  getParentRoute: () => root,
  path: "/mappings",
  validateSearch: (found): { mapping?: string } => ({ mapping: text(found.mapping) }),
  component: lazyRouteComponent(() => import("@/views/mappings/Mappings"), "Mappings"),
});
const workflows = createRoute({
  getParentRoute: () => root,
  path: "/workflows",
  component: lazyRouteComponent(() => import("@/views/workflows/Workflows"), "Workflows"),
});
const workflow = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$workflowId",
  component: lazyRouteComponent(() => import("@/views/workflows/OneWorkflow"), "OneWorkflow"),
});
const routing = createRoute({
  getParentRoute: () => root,
  path: "/routing",
  component: lazyRouteComponent(() => import("@/views/routing/Routing"), "Routing"),
});
const feed = createRoute({
  getParentRoute: () => root,
  path: "/feed",
  validateSearch: (found): { level?: string; source?: string; search?: string } => ({
    level: text(found.level),
    source: text(found.source),
    search: text(found.search),
  }),
  component: lazyRouteComponent(() => import("@/views/feed/Feed"), "Feed"),
});
const events = createRoute({
  getParentRoute: () => root,
  path: "/events",
  validateSearch: (found): { state?: string; source?: string; ignored?: true; event?: string } => ({
    state: text(found.state),
    ignored: flag(found.ignored),
    source: text(found.source),
    event: text(found.event),
  }),
  component: lazyRouteComponent(() => import("@/views/events/Events"), "Events"),
});
const deadLetters = createRoute({
  getParentRoute: () => root,
  path: "/dead-letters",
  validateSearch: (found): { cause?: string; letter?: string } => ({
    cause: text(found.cause),
    letter: text(found.letter),
  }),
  component: lazyRouteComponent(() => import("@/views/events/DeadLetters"), "DeadLetters"),
});
const queues = createRoute({
  getParentRoute: () => root,
  path: "/queues",
  component: lazyRouteComponent(() => import("@/views/queues/Queues"), "Queues"),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/views/settings/Settings"), "Settings"),
});
const firstSteps = createRoute({
  getParentRoute: () => root,
  path: "/first-steps",
  component: lazyRouteComponent(() => import("@/views/first-steps/FirstSteps"), "FirstSteps"),
});
const credentials = createRoute({
  getParentRoute: () => root,
  path: "/credentials",
  component: lazyRouteComponent(() => import("@/views/settings/Credentials"), "Credentials"),
});
const users = createRoute({
  getParentRoute: () => root,
  path: "/users",
  component: lazyRouteComponent(() => import("@/views/settings/Users"), "Users"),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  validateSearch: (found): { actor?: string; action?: string; search?: string; line?: string } => ({
    actor: text(found.actor),
    action: text(found.action),
    search: text(found.search),
    line: text(found.line),
  }),
  component: lazyRouteComponent(() => import("@/views/settings/Audit"), "Audit"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    runs,
    run,
    agents,
    agent,
    sessions,
    session,
    tools,
    connection,
    mappings,
    workflows,
    workflow,
    routing,
    feed,
    events,
    deadLetters,
    queues,
    settings,
    firstSteps,
    credentials,
    users,
    audit,
  ]),
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
