import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser } from "../../src/net/sse.ts";
import { Lines } from "../../src/run/lines.ts";

const TEXT = ': hello\n\nid: 0\ndata: {"a":1}\n\nid: 1\r\ndata: {"b":"ä→"}\r\n\r\n: beat\n\nevent: done\ndata: {}\n\n';
const WANTED = [
  { event: "message", id: "0", data: '{"a":1}' }, { event: "message", id: "1", data: '{"b":"ä→"}' }, { event: "done", id: "1", data: "{}" },
];

test("messages are the same wherever the pieces end", () => {
  for (let size = 1; size < TEXT.length; size++) {
    const parser = new SseParser(), found = [];
    for (let i = 0; i < TEXT.length; i += size) found.push(...parser.push(TEXT.slice(i, i + size)));
    assert.deepEqual(found, WANTED, `pieces of ${size}`);
  }
});

test("several data lines are one message; a message that was cut is none", () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push("data: a\ndata: b\n\ndata: c\n"), [{ event: "message", id: null, data: "a\nb" }]);
});

test("a long piece is parsed in time", () => {
  const parser = new SseParser();
  const began = Date.now();
  const text = Array.from({ length: 20_000 }, (_, i) => `id: ${i}\ndata: {"seq":${i},"fill":"${"x".repeat(200)}"}\n\n`).join("");
  assert.equal(parser.push(text).length, 20_000);
  assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
});

test("kept lines have a bound, and edits outlive single steps", () => {
  const lines = new Lines();
  for (let i = 0; i < 60_000; i++) lines.add(`{"seq":${i},"type":"step","fill":"${"x".repeat(700)}"}`);
  lines.add('{"seq":60000,"type":"edit"}');
  assert.ok(lines.thinned);
  assert.ok(lines.json().length < 34e6);
  assert.match(lines.json(), /"type":"edit"/);
});
