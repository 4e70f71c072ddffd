import {
  IconActivity,
  IconArrowsExchange,
  IconHistory,
  IconInbox,
  IconKey,
  IconLayoutDashboard,
  IconListCheck,
  IconMailX,
  IconMessages,
  IconPlayerPlay,
  IconPlug,
  IconRepeat,
  IconRobot,
  IconRoute,
  IconUsers,
} from "@tabler/icons-react";
import type { Standing } from "@/api/me";

/** What the navigation offers, and from which role on. Nothing stands here that is not there. */
export const PLACES = [
  { to: "/", label: "Overview", icon: IconLayoutDashboard, least: "guest" },
  { to: "/runs", label: "Runs", icon: IconPlayerPlay, least: "guest" },
  { to: "/agents", label: "Agents", icon: IconRobot, least: "guest" },
  { to: "/sessions", label: "Sessions", icon: IconMessages, least: "guest" },
  { to: "/tools", label: "Tools", icon: IconPlug, least: "guest" },
  { to: "/mappings", label: "Mappings", icon: IconArrowsExchange, least: "user" },
  { to: "/workflows", label: "Workflows", icon: IconRepeat, least: "user" },
  { to: "/routing", label: "Routing", icon: IconRoute, least: "user" },
  { to: "/feed", label: "Live feed", icon: IconActivity, least: "user" },
  { to: "/events", label: "Events", icon: IconInbox, least: "admin" },
  { to: "/dead-letters", label: "Dead letters", icon: IconMailX, least: "admin" },
  { to: "/first-steps", label: "First steps", icon: IconListCheck, least: "admin" },
  { to: "/credentials", label: "Credentials", icon: IconKey, least: "admin" },
  { to: "/users", label: "Users", icon: IconUsers, least: "admin" },
  { to: "/audit", label: "Audit log", icon: IconHistory, least: "admin" },
] as const satisfies readonly { to: string; label: string; icon: unknown; least: Standing }[];
