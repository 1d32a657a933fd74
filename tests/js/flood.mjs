// Drive commands from many clients at a steady rate, over bare WebSockets, until it is ended.
// node flood.mjs URL CLIENTS HZ
import WebSocket from "ws";

const [url, clients, hz] = process.argv.slice(2);
const address = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket&clientId=`;
for (let c = 0; c < clients; c += 1) {
  const ws = new WebSocket(address + c, { perMessageDeflate: false });
  let n = 0;
  const tick = () => {
    if (ws.readyState !== WebSocket.OPEN || ws.bufferedAmount > 100_000) return;
    ws.send(`42["driveCommands",{"linear":0.5,"angular":0.1,"n":${(n += 1)}}]`);
  };
  ws.on("message", (data) => {
    const text = data.toString();
    if (text[0] === "0") ws.send("40");
    else if (text === "2") ws.send("3");
    else if (text.startsWith("40")) setTimeout(() => setInterval(tick, 1000 / hz), Math.random() * 50);
  });
}
