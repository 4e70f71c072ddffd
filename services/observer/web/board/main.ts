/**
 * Bull Board, as it is published, on a Unix socket: whoever reaches the socket may do everything, so the observer
 * alone does, which lets operators through and nobody else. Jobs hold ids; what they are about stays in Postgres.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { HonoAdapter } from "@bull-board/hono";
import { createAdaptorServer } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Queue } from "bullmq";
import { Hono } from "hono";
import { Redis } from "ioredis";

const [socket, base, ...names] = process.argv.slice(2);
const url = process.env.OBLIVION_REDIS_URL;
if (!socket || !base || names.length === 0 || !url) {
  throw new Error("needs OBLIVION_REDIS_URL, and as arguments a socket, a path and the names of queues");
}

// Redis away is told on the page and asked for again; it ends nothing.
const connection = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: true });
connection.on("error", (error) => console.warn(`redis: ${error.message}`));
const queues = names.map(
  (name) => new Queue(name, { connection, skipMetasUpdate: true, skipVersionCheck: true }),
);
for (const queue of queues) queue.on("error", () => undefined);

const adapter = new HonoAdapter(serveStatic);
createBullBoard({
  queues: queues.map((queue) => new BullMQAdapter(queue)),
  serverAdapter: adapter,
  options: {
    // Beside this file, where the build puts it.
    uiBasePath: join(import.meta.dirname, "ui"),
    uiConfig: { boardTitle: "Oblivion's queues", pollingInterval: { showSetting: true, forceInterval: 10 } },
  },
});
adapter.setBasePath(base);

const app = new Hono();
app.route(base, adapter.registerPlugin());
const server = createAdaptorServer(app);
rmSync(socket, { force: true });
// Nobody else's from its first moment on.
process.umask(0o177);
server.listen(socket, () => {
  console.log(`queue board of ${names.join(", ")} at ${socket}`);
  // From now on what one request breaks ends neither the board nor the readiness of the pod that it stands in.
  process.on("uncaughtException", (error) => console.error(`a request was not answered: ${error.message}`));
  process.on("unhandledRejection", (reason) =>
    console.error(`a request was not answered: ${String(reason)}`),
  );
});

function stop(): void {
  server.close();
  connection.disconnect();
  rmSync(socket as string, { force: true });
  process.exit(0);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
