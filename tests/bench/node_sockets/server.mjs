// Socket.IO for Node, with neither authentication nor anything else: it acknowledges what it gets.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((_request, response) => response.writeHead(200).end());
const io = new Server(http, { transports: ["websocket"], pingInterval: 10_000 });

io.of("/agents").on("connection", (socket) => {
  socket.onAny((_event, ...args) => args.at(-1)({ ok: true }));
});

http.listen(Number(process.env.PORT), "127.0.0.1");
