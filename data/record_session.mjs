// The operator's side of the shipped session: drives a rover for four minutes over Socket.IO.
//
//   node record_session.mjs http://127.0.0.1:5000 LOGFILE
//
// socket.io-client is looked up from the current folder (npm install socket.io-client).
// Every message that is sent or received is written to LOGFILE with its time, one JSON array
// a line: [direction, event, epoch ms, round trip ms or null].
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { io } = createRequire(join(process.cwd(), "index.js"))("socket.io-client");
const [url, logfile] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
const log = [];

// What the operator has in mind: [seconds, speed in m/s, turn in rad/s] or a special act.
const SCRIPT = [
  [2, 0, 0], [8, 0.6, 0], [3, 0.5, 0.4], [7, 0.8, 0], [2, 0, 0], ["pause", 4],
  [3, 0, 0.6], [10, 0.7, 0.05], [4, 0.4, -0.5], [6, 0.9, 0], [2, -0.3, 0], [3, 0, 0],
  ["pause", 6], [9, 0.5, 0.15], [5, 0.5, -0.2], [8, 1.0, 0], [1.2, 1.0, -0.3],
  ["emergencyStop"], ["pause", 5], ["homingRequest"], ["pause", 7], [2, 0, 0],
  [6, 0.3, 0], [4, 0.3, 0.3], [12, 0.7, 0], [3, 0, -0.7], [2, 0, 0], ["pause", 9],
  [10, 0.6, -0.1], [6, 0.8, 0.1], [3, 0.2, 0.5], [9, 0.8, 0], [2, -0.4, 0.2], [2, 0, 0],
  ["pause", 3], [11, 0.5, 0.1], [5, 0.9, 0], [4, 0.4, -0.4], [8, 0.7, 0], [3, 0, 0],
  ["pause", 2], [14, 0.6, 0], [4, 0.3, 0.6], [6, 0.5, 0], [3, 0, 0],
];

// A hand on a stick: it follows the intention with a lag and trembles a little.
const hand = { speed: 0, turn: 0, noise: 12345 };
function tremor() {
  hand.noise = (hand.noise * 1103515245 + 12345) % 2147483648;
  return hand.noise / 2147483648 - 0.5;
}
function follow(speed, turn) {
  hand.speed += 0.18 * (speed - hand.speed);
  hand.turn += 0.25 * (turn - hand.turn);
  const still = speed === 0 && turn === 0 && Math.abs(hand.speed) + Math.abs(hand.turn) < 0.02;
  const round = (value, shake) => (still ? 0 : Number((value + shake * tremor()).toFixed(3)));
  return { linear: round(hand.speed, 0.02), angular: round(hand.turn, 0.03) };
}

const socket = io(url, { transports: ["websocket"] });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function send(event, data, acknowledged) {
  const entry = ["inbound", event, now(), null];
  log.push(entry);
  if (!acknowledged) return socket.emit(event, data);
  return socket.emit(event, data, () => (entry[3] = now() - entry[2]));
}

async function drive(seconds, speed, turn) {
  const end = now() + 1000 * seconds;
  for (let tick = now(); tick < end; tick += 50) {
    await sleep(Math.max(0, tick - now()));
    send("driveCommands", follow(speed, turn));
  }
}

async function act([what, ...rest]) {
  if (what === "pause") await sleep(1000 * rest[0]);
  else if (what === "emergencyStop") {
    hand.speed = hand.turn = 0;
    send(what, { reason: "operator" }, true);
  } else if (what === "homingRequest") send(what, { subsystem: "arm" }, true);
  else await drive(what, ...rest);
}

socket.onAny((event) => log.push(["outbound", event, now(), null]));
socket.once("connect", async () => {
  for (const step of SCRIPT) await act(step);
  await sleep(500);
  socket.disconnect();
  writeFileSync(logfile, log.map((entry) => JSON.stringify(entry)).join("\n") + "\n");
});
