// Fastify + BullMQ, as one would write it: prove the signature on the raw body, add a job, answer.
import { createHmac, timingSafeEqual } from "node:crypto";
import { Queue } from "bullmq";
import Fastify from "fastify";

const secret = process.env.BENCH_SECRET;
const redis = new URL(process.env.OBLIVION_REDIS_URL);
const queue = new Queue("node", { connection: { host: redis.hostname, port: Number(redis.port) } });
const app = Fastify({ logger: false, bodyLimit: 2 * 1024 * 1024 });

app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

app.get("/health/ready", async (_request, reply) => reply.code(200).send());

app.post("/webhooks/slack", async (request, reply) => {
  const timestamp = request.headers["x-slack-request-timestamp"];
  const expected = createHmac("sha256", secret).update(`v0:${timestamp}:`).update(request.body).digest("hex");
  const given = Buffer.from(String(request.headers["x-slack-signature"]));
  const wanted = Buffer.from(`v0=${expected}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return reply.code(401).send();
  const event = JSON.parse(request.body);
  await queue.add("event", event, { jobId: event.event_id, attempts: 3 });
  return reply.code(200).send();
});

await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
