// A server of somebody else: npm's socket.io, or plain ws, on a free port, which it says as a JSON
// line. node server.mjs socket.io|ws [OPTIONS as JSON]
import { createServer } from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

const [kind, options = "{}"] = process.argv.slice(2);
const http = createServer((request, response) => response.end("plain"));

function talk(socket) {
  socket.emit("greeting", { namespace: socket.nsp.name, auth: socket.handshake.auth });
  socket.on("ask me", async (question, reply) => {
    reply(await socket.timeout(5000).emitWithAck("question", question));
  });
  socket.on("drop me", () => socket.disconnect(true));
  socket.onAny((event, ...args) => {
    if (event === "ask me" || event === "drop me") return;
    if (typeof args.at(-1) === "function") args.pop()(...args);
    else socket.emit("back", event, ...args);
  });
}

if (kind === "socket.io") {
  const io = new Server(http, JSON.parse(options));
  io.on("connection", talk);
  io.of("/custom").on("connection", talk);
  io.of("/closed").use((socket, next) => next(new Error("members only")));
} else {
  const server = new WebSocketServer({
    server: http,
    handleProtocols: (protocols) => [...protocols].at(-1),
  });
  server.on("connection", (ws) => {
    ws.on("message", (data, isBinary) => {
      const text = data.toString();
      if (text === "close me") ws.close(4001, "as asked");
      else if (text === "drop me") ws.terminate();
      else ws.send(data, { binary: isBinary });
    });
  });
}
http.listen(0, "127.0.0.1", () => {
  process.stdout.write(JSON.stringify({ what: "port", port: http.address().port }) + "\n");
});
