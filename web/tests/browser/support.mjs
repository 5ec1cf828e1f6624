// A browser, and a server for it: the mock, or a program named by ISOFORM_DASHBOARD, a command in which {logs} stands
// for the files; it must print its address. (For instance "isoform dashboard --host 127.0.0.1 {logs}":
// the proxy of the tests asks by another port, which the program takes for a stranger unless it is told.)
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { startMock } from "../../dev/mock-server.mjs";
import { startProxy } from "./proxy.mjs";

const dist = new URL("../../dist", import.meta.url).pathname;
export const real = process.env.ISOFORM_DASHBOARD ?? "";
export const shots = process.env.ISOFORM_SHOTS ?? "";
export const folder = mkdtempSync(join(tmpdir(), "isoform-web-"));

export function logFile(name, lines) {
  const path = join(folder, `${name}.jsonl`);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

/** The address that a program prints. */
export const addressOf = (child) => new Promise((found, failed) => {
  let said = "";
  const hear = (piece) => {
    said += piece;
    const match = /http:\/\/\S+/.exec(said);
    if (match) found(match[0]);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  child.on("exit", (code) => failed(new Error(`${child.spawnargs.join(" ")} ended with ${code}: ${said}`)));
});

async function launch(logs) {
  const [first, ...others] = logs;
  const words = real.split(/\s+/).flatMap((word) => (word === "{logs}" ? [first, ...others.flatMap((log) => ["--compare", log])] : [word]));
  const child = spawn(words[0], words.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  const url = await addressOf(child);
  return { url, orders: null, close: () => new Promise((done) => {
    child.removeAllListeners("exit");
    child.on("exit", done);
    child.kill("SIGINT");
  }) };
}

/** A server behind a proxy. `options` are those of the mock. */
export async function serve(logs, options = {}) {
  const server = real ? await launch(logs) : await startMock({ logs, dist, ...options });
  const proxy = await startProxy(server.url);
  const { hash } = new URL(server.url);
  return {
    ...server, ...proxy, url: proxy.url + hash,
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}

export const browserPath = (process.env.CHROMIUM ? [process.env.CHROMIUM] : (process.env.PATH ?? "").split(":").flatMap((at) => ["chromium", "google-chrome"].map((name) => join(at, name)))).find((path) => existsSync(path));

let browser = null;
const contexts = [];
export async function openPage(url, options = {}) {
  browser ??= await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", acceptDownloads: true, ...options });
  context.setDefaultTimeout(60_000);
  contexts.push(context);
  const page = await context.newPage();
  // The network's own complaints about connections that a test cuts are no faults of the page.
  page.faults = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") page.faults.push(message.text());
  });
  page.on("pageerror", (error) => page.faults.push(String(error)));
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(url);
  return page;
}

/** Pages that stay open go on drawing. */
export async function closePages() {
  for (const context of contexts.splice(0)) await context.close();
}

export async function closeBrowser() {
  await browser?.close();
}

export const stateOf = (page) => page.evaluate(() => window.isoform.state());
export const waitForEvents = (page, count, run = 0) =>
  page.waitForFunction(([wanted, at]) => (window.isoform.state()[at]?.events ?? 0) >= wanted, [count, run], { timeout: 60_000 });

/** Waits until a part of the page reads so: what has been received is drawn a moment later. */
export async function reads(page, selector, pattern) {
  const found = page.waitForFunction(([at, source]) => new RegExp(source).test(document.querySelector(at)?.textContent ?? ""), [selector, pattern.source]);
  await found.catch((error) => {
    if (error.name !== "TimeoutError") throw error;
  });
  assert.match(await page.textContent(selector), pattern);
}

/** Waits until what is drawn has settled. */
export async function settle(page) {
  await page.waitForTimeout(500);
  await page.waitForFunction(() => window.isoform.idle());
  await page.waitForTimeout(100);
}

export async function shoot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}
