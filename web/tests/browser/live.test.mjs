// The page beside a real training run. ISOFORM names the program; without it nothing is tested.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { addressOf, closeBrowser, folder, openPage, reads, settle, shoot, stateOf } from "./support.mjs";

const program = process.env.ISOFORM ?? "";
after(closeBrowser);

/** Pictures of one of `classes` patterns under noise, in IDX files. */
function writeSet(name, { seed, classes, samples, side = 12 }) {
  let state = seed;
  const dice = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const patterns = Array.from({ length: classes }, () => Array.from({ length: side * side }, () => dice() * 200));
  const at = join(folder, name);
  mkdirSync(at);
  const header = (...shape) => {
    const bytes = Buffer.alloc(4 + 4 * shape.length);
    bytes.writeUInt8(8, 2);
    bytes.writeUInt8(shape.length, 3);
    shape.forEach((n, i) => bytes.writeUInt32BE(n, 4 + 4 * i));
    return bytes;
  };
  for (const [part, count] of [["train", samples], ["t10k", samples / 4]]) {
    const labels = Buffer.from(Array.from({ length: count }, (_, i) => i % classes));
    const pixels = Buffer.alloc(count * side * side);
    labels.forEach((label, i) => patterns[label].forEach((p, k) => {
      pixels[i * side * side + k] = Math.max(0, Math.min(255, p + 160 * (dice() - 0.5)));
    }));
    writeFileSync(join(at, `${part}-images-idx3-ubyte`), Buffer.concat([header(count, side, side), pixels]));
    writeFileSync(join(at, `${part}-labels-idx1-ubyte`), Buffer.concat([header(count), labels]));
  }
  return at;
}

/** The program, once it has said where it listens. */
function started(...words) {
  const child = spawn(program, words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((done) => child.on("exit", done));
  return { child, url: addressOf(child), ended };
}

const waitUntil = (page, what, ...values) => page.waitForFunction(what, values.length === 1 ? values[0] : values, { timeout: 60_000 });

test("a real run: followed, paused, steered, reloaded, replayed", { skip: !program && "ISOFORM names no program" }, async () => {
  const stripes = writeSet("stripes", { seed: 1, classes: 4, samples: 4000 });
  writeSet("blots", { seed: 2, classes: 20, samples: 4000 });
  const run = started("train", "--data", stripes, "--data-dir", folder, "--hidden", "8,8", "--policy", "effect", "--group-size", "4", "--epochs", "5000", "--batch-size", "4",
    "--change", "epoch=2 append=blots", "--change", "epoch=2 off=blots", "--checkpoint", "run.ckpt", "--out", "run.safetensors",
    "--events", "run.jsonl", "--dashboard", "--dashboard-stay", "--quiet");
  const page = await openPage(await run.url);
  await waitUntil(page, () => (window.isoform.state()[0]?.epochs.length ?? 0) >= 3);

  await page.click("#control-pause");
  await waitUntil(page, () => window.isoform.state()[0].paused);
  const [before] = await stateOf(page);
  await page.waitForTimeout(700);
  assert.equal((await stateOf(page))[0].events, before.events, "a paused run does not move");
  await reads(page, ".pill", /paused/);
  await shoot(page, "controls-real");

  await page.reload();
  await waitUntil(page, (events) => (window.isoform.state()[0]?.events ?? 0) >= events, before.events);
  assert.equal((await stateOf(page))[0].missing, 0, "a reload loses nothing");

  await page.getByRole("checkbox", { name: "blots" }).check();
  await page.click("#control-pause");
  await waitUntil(page, () => window.isoform.state()[0].taskChanges.some((change) => change.action === "on" && change.task === "blots"));
  await waitUntil(page, () => {
    const [state] = window.isoform.state(), { step, widths } = state.taskChanges.find((change) => change.action === "on");
    const hidden = (of) => of.slice(1, -1).reduce((sum, width) => sum + width, 0);
    return hidden(state.widths) > hidden(widths) && state.edits.some((edit) => edit.step > step && edit.born > 0) && state.lastStep > step + 20_000;
  });
  await page.click("#control-stop");
  await page.click("#control-stop-yes");
  await waitUntil(page, () => window.isoform.links().every((link) => link === "done"));
  const [live] = await stateOf(page);
  assert.equal(live.reason, "stopped");
  assert.equal(live.missing, 0);

  const log = readFileSync(join(folder, "run.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(live.events, log.length);
  assert.deepEqual(live.widths, log.at(-1).widths);
  assert.deepEqual(log.filter((event) => event.type === "control").map((event) => event.action), ["pause", "task", "resume", "stop"]);
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme });
    await settle(page);
    await shoot(page, `real-${theme}`);
  }
  assert.deepEqual(page.faults, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  run.child.kill("SIGINT");
  await run.ended;

  const replay = started("dashboard", "run.jsonl");
  const again = await openPage(await replay.url);
  await waitUntil(again, () => window.isoform.state().length > 0 && window.isoform.links().every((link) => link === "done"));
  assert.deepEqual((await stateOf(again))[0], live, "a replay is what was seen live");
  replay.child.kill("SIGINT");
  assert.equal(await replay.ended, 0);
});
