// A server like the program's own, for development and tests: replays recorded logs at a chosen speed.
//
//   node dev/mock-server.mjs [--port 8123] [--speed 4] [--token T] [--control] [--dist dist] a.jsonl [b.jsonl …]
//
// --speed 0 sends everything at once; --speed 4 is four times as fast as the run was.
import { appendFileSync, createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

export const CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { "index.html": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "app.css": "text/css; charset=utf-8" };

/** Follows the files at `logs`, which may grow, as the program does. */
export async function startMock({ logs, dist, port = 0, speed = 0, token = null, control = false }) {
  const known = logs.map((path, id) => ({ id, path, name: basename(path, ".jsonl"), size: -1, lines: [], times: [], began: Date.now(), streams: new Set() }));
  const orders = [];
  let refuse = null;

  const read = (run) => {
    const { size } = statSync(run.path);
    if (size === run.size) return;
    run.size = size;
    const text = readFileSync(run.path, "utf8");
    run.lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => line !== "");
    run.times = run.lines.map((line) => JSON.parse(line).time_s);
  };
  const available = (run) => {
    read(run);
    if (speed === 0) return run.lines.length;
    const now = ((Date.now() - run.began) / 1000) * speed;
    let count = 0;
    while (count < run.times.length && run.times[count] <= now) count++;
    return count;
  };
  const finished = (run) => available(run) === run.lines.length && /"type":"end"/.test(run.lines[run.lines.length - 1] ?? "");

  function stream(run, from, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "Content-Security-Policy": CSP });
    response.write(": hello\n\n");
    let next = from;
    const send = () => {
      const until = available(run);
      let text = "";
      for (; next < until; next++) text += `id: ${next}\ndata: ${run.lines[next]}\n\n`;
      if (text) response.write(text);
      if (finished(run) && next >= run.lines.length) {
        stop();
        response.end("event: done\ndata: {}\n\n");
      }
    };
    const timer = setInterval(send, 40);
    const heart = setInterval(() => response.write(": still here\n\n"), 5000);
    const stop = () => {
      clearInterval(timer);
      clearInterval(heart);
      run.streams.delete(response);
    };
    run.streams.add(response);
    response.on("close", stop);
    send();
  }

  function json(response, status, value) {
    response.writeHead(status, { "Content-Type": "application/json", "Content-Security-Policy": CSP });
    response.end(JSON.stringify(value));
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const file = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
    if (TYPES[file] && existsSync(join(dist, file))) {
      response.writeHead(200, { "Content-Type": TYPES[file], "Content-Security-Policy": CSP });
      return createReadStream(join(dist, file)).pipe(response);
    }
    if (!url.pathname.startsWith("/api/")) return json(response, 404, { error: "There is nothing here." });
    if (token !== null && request.headers.authorization !== `Bearer ${token}`) return json(response, 401, { error: "A token is needed." });
    if (url.pathname === "/api/runs") {
      return json(response, 200, { version: "0.0.0", runs: known.map((run) => ({ id: run.id, name: run.name, live: !finished(run), control })) });
    }
    const [, id, what] = /^\/api\/runs\/(\d+)\/(events|control)$/.exec(url.pathname) ?? [];
    const run = known[Number(id)];
    if (!run) return json(response, 404, { error: "There is no such run." });
    if (what === "events") return stream(run, Number(url.searchParams.get("from") ?? 0), response);
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      const order = JSON.parse(body);
      orders.push({ run: run.id, type: request.headers["content-type"], ...order });
      if (refuse) return json(response, 409, { error: refuse });
      read(run);
      const last = JSON.parse(run.lines[run.lines.length - 1]);
      appendFileSync(run.path, JSON.stringify({ v: 1, seq: run.lines.length, step: last.step, epoch: last.epoch, time_s: last.time_s, type: "control", what: `${order.action}, as asked on the page`, ...order }) + "\n");
      json(response, 202, { accepted: true, note: `Asked: ${order.action}.` });
    });
  });

  const api = {
    orders,
    refuse: (why) => (refuse = why),
    close: () => new Promise((done) => {
      server.closeAllConnections();
      server.close(done);
    }),
  };
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  api.url = `http://127.0.0.1:${server.address().port}/`;
  return api;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = { port: 8123, speed: 4, token: null, control: false, dist: new URL("../dist", import.meta.url).pathname };
  const files = [];
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--control") options.control = true;
    else if (word === "--port" || word === "--speed") options[word.slice(2)] = Number(words.shift());
    else if (word === "--token" || word === "--dist") options[word.slice(2)] = words.shift();
    else files.push(word);
  }
  const mock = await startMock({ ...options, logs: files });
  console.log(`${mock.url}${options.token ? `#token=${options.token}` : ""}`);
}
