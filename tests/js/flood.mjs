// Drive commands from many clients at a steady rate, over bare WebSockets, until it is ended;
// one in fifty asks for an acknowledgement, so that nobody runs far ahead of a busy server.
// node flood.mjs URL CLIENTS HZ
import WebSocket from "ws";

const [url, clients, hz] = process.argv.slice(2);
const address = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket&clientId=`;
for (let c = 0; c < clients; c += 1) {
  const ws = new WebSocket(address + c, { perMessageDeflate: false });
  let n = 0;
  let answered = 0;
  const tick = () => {
    if (ws.readyState !== WebSocket.OPEN || n - answered > 200) return; // the server is behind
    n += 1;
    const ack = n % 50 ? "" : n;
    ws.send(`42${ack}["driveCommands",{"linear":0.5,"angular":0.1,"n":${n}}]`);
  };
  ws.on("message", (data) => {
    const text = data.toString();
    if (text[0] === "0") ws.send("40");
    else if (text === "2") ws.send("3");
    else if (text.startsWith("43")) answered = Number.parseInt(text.slice(2), 10);
    else if (text.startsWith("40")) setTimeout(() => setInterval(tick, 1000 / hz), Math.random() * 50);
  });
}
