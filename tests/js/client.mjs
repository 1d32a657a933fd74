// A socket.io-client that does what it is told: commands come as JSON lines on stdin, what
// happens goes out as JSON lines on stdout. Bytes travel as {"bytes": n}: n bytes of one value.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

let socket = null;
let ticker = null;
const say = (what, more = {}) => process.stdout.write(JSON.stringify({ what, ...more }) + "\n");
const now = () => performance.now();

function payload(value) {
  if (Array.isArray(value)) return value.map(payload);
  if (value === null || typeof value !== "object") return value;
  if (Number.isInteger(value.bytes)) return Buffer.alloc(value.bytes, 7);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, payload(v)]));
}
function shown(value) {
  if (Array.isArray(value)) return value.map(shown);
  if (Buffer.isBuffer(value)) return { bytes: value.length };
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shown(v)]));
}
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const commands = {
  connect({ url, options = {} }) {
    socket = io(url, { reconnectionDelay: 100, reconnectionDelayMax: 200, ...options });
    const seen = { connects: 0 };
    socket.io.on("open", () => say("open", { transport: socket.io.engine.transport.name }));
    socket.on("connect", () => {
      seen.connects += 1;
      const transport = socket.io.engine.transport.name;
      say("connect", { id: socket.id, connects: seen.connects, transport });
      socket.io.engine.on("upgrade", (to) => say("upgrade", { transport: to.name }));
    });
    socket.on("disconnect", (reason) => say("disconnect", { reason }));
    socket.on("connect_error", (error) => say("connect_error", { message: error.message }));
    socket.onAny((event, ...args) => {
      if (typeof args.at(-1) === "function") args.pop()(...args);
      say("event", { event, args: shown(args) });
    });
  },
  emit({ event, args = [] }) {
    socket.emit(event, ...payload(args));
  },
  // ask `count` times, one after another, and say how long the answers took
  async ask({ event, args = [], count = 1, timeout = 2000 }) {
    const times = [];
    let lost = 0;
    let answer = null;
    for (let i = 0; i < count; i += 1) {
      const start = now();
      try {
        answer = await socket.timeout(timeout).emitWithAck(event, ...payload(args));
        times.push(now() - start);
      } catch {
        lost += 1;
      }
    }
    say("asked", { median_ms: times.length ? median(times) : null, answered: times.length, lost,
      answer: shown(answer) ?? null });
  },
  // ask `count` times at once, and say how many were answered, and whether in order
  burst({ event, count, bytes = 0, timeout = 5000 }) {
    const order = [];
    let open = count;
    const done = () => {
      open -= 1;
      if (open) return;
      const inversions = order.filter((n, i) => i && n < order[i - 1]).length;
      say("burst", { answered: order.length, inversions });
    };
    for (let n = 0; n < count; n += 1) {
      const data = bytes ? { n, blob: Buffer.alloc(bytes, n % 256) } : { n };
      socket.timeout(timeout).emit(event, data, (error, back) => {
        if (!error) order.push(back.n);
        done();
      });
    }
  },
  // what an operator's console does: commands at a rate, connected or not
  drive({ rate_hz = 20 }) {
    ticker = setInterval(
      () => socket.emit("driveCommands", { linear: 0.5, angular: 0, timestamp: Date.now() }),
      1000 / rate_hz,
    );
  },
  park() {
    clearInterval(ticker);
  },
  disconnect() {
    socket.disconnect();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  if (command === "quit") break;
  await commands[command](rest);
}
process.exit(0);
