// Asks a Socket.IO server as fast as it answers, over bare WebSockets: the cost of the server,
// not of a client library. node echo.mjs URL CLIENTS WINDOW SECONDS -> JSON with answers per s.
import { performance } from "node:perf_hooks";
import WebSocket from "ws";

const [url, clients, window, seconds] = process.argv.slice(2);
const address = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
const trips = [];
let answered = 0;
let open = 0;

function start(ws) {
  const asked = new Map();
  let next = 0;
  const ask = () => {
    asked.set(next, performance.now());
    ws.send(`42${next}["echo",{"linear":0.5,"angular":0.25,"n":${next}}]`);
    next += 1;
  };
  ws.on("message", (data) => {
    const text = data.toString();
    if (text === "2") return ws.send("3");
    if (!text.startsWith("43")) return;
    const id = Number.parseInt(text.slice(2), 10);
    trips.push(performance.now() - asked.get(id));
    asked.delete(id);
    answered += 1;
    ask();
  });
  for (let i = 0; i < window; i += 1) ask();
}

const sockets = Array.from({ length: clients }, () => new WebSocket(address, { perMessageDeflate: false }));
for (const ws of sockets) {
  ws.on("message", function hello(data) {
    const text = data.toString();
    if (text[0] === "0") ws.send("40");
    if (text.startsWith("40")) {
      ws.off("message", hello);
      open += 1;
      if (open === sockets.length) sockets.forEach(start);
    }
  });
}
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
while (open < sockets.length) await wait(5);
await wait(300);
const before = answered;
trips.length = 0;
const began = performance.now();
await wait(1000 * seconds);
const passed = (performance.now() - began) / 1000;
trips.sort((a, b) => a - b);
const rate = (answered - before) / passed;
console.log(JSON.stringify({ per_s: rate, p50_ms: trips[Math.floor(trips.length / 2)] }));
process.exit(0);
