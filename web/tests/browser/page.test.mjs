import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, afterEach, test } from "node:test";
import { makeLong, makeRun } from "../log.mjs";
import { closeBrowser, closePages, folder, logFile, openPage, reads, real, serve, settle, shoot, stateOf, waitForEvents } from "./support.mjs";

after(closeBrowser);
const open = [];
afterEach(async () => {
  await closePages();
  for (const server of open.splice(0)) await server.close();
});

async function served(logs, options) {
  const server = await serve(logs, options);
  open.push(server);
  return server;
}

/** No error on the console, and nothing that the content security policy forbids. */
async function clean(page, { network = false } = {}) {
  const faults = network ? page.faults.filter((fault) => !/Failed to load resource|net::ERR/.test(fault)) : page.faults;
  assert.deepEqual(faults, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
}

const finished = (page) => page.waitForFunction(() => window.isoform.state().length > 0 && window.isoform.links().every((link) => link === "done"));
const setMoment = (page, step) => page.evaluate((to) => {
  const slider = document.querySelector("#moment");
  slider.value = String(to);
  slider.dispatchEvent(new Event("input"));
}, step);

async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent("download"), press()]);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

test("a finished run is shown, without errors and without breaking the policy", async () => {
  const server = await served([logFile("digits", makeRun())]);
  const page = await openPage(server.url);
  await finished(page);
  await settle(page);
  const [state] = await stateOf(page);
  assert.equal(state.events, makeRun().length);
  await reads(page, ".pill", /finished/);
  await reads(page, ".tiles", /88\.00 %/);
  for (const panel of ["network", "schedule", "widths", "accuracy", "parameters", "loss", "spectra", "scaffold", "phases"]) {
    assert.ok(await page.locator(`#${panel} .plots svg`).count() > 0, panel);
  }
  assert.ok(await page.locator("#feed li").count() > 5);
  assert.ok(await page.locator("#edits tbody tr").count() > 4);
  await shoot(page, "wide-light");
  await clean(page);
});

test("live: lines appear as they are written, a reload loses nothing, and a replay is the same", async () => {
  const lines = makeRun({ seed: 3 });
  const path = logFile("live", lines.slice(0, 10));
  const server = await served([path]);
  const page = await openPage(server.url);
  await waitForEvents(page, 10);
  await reads(page, ".pill", /live/);
  for (let at = 10; at < 40; at += 6) {
    appendFileSync(path, lines.slice(at, at + 6).map((line) => `${line}\n`).join(""));
    await waitForEvents(page, at + 6);
  }
  await page.reload();
  await waitForEvents(page, 40);
  appendFileSync(path, lines.slice(40).map((line) => `${line}\n`).join(""));
  await waitForEvents(page, lines.length);
  await finished(page);
  const live = await stateOf(page);
  const replay = await openPage(server.url);
  await finished(replay);
  assert.deepEqual(await stateOf(replay), live);
  assert.equal(live[0].missing, 0);
  await clean(page);
});

test("a lost connection is told, taken up again, and loses nothing", async () => {
  const lines = makeRun({ seed: 5 });
  const path = logFile("dropped", lines.slice(0, 12));
  const server = await served([path]);
  const page = await openPage(server.url);
  await waitForEvents(page, 12);
  server.open(false);
  await reads(page, ".link-state", /reconnecting in \d+ s/);
  await shoot(page, "reconnecting");
  appendFileSync(path, lines.slice(12, 30).map((line) => `${line}\n`).join(""));
  server.open(true);
  await waitForEvents(page, 30);
  server.cut();
  appendFileSync(path, lines.slice(30).map((line) => `${line}\n`).join(""));
  await waitForEvents(page, lines.length);
  const [state] = await stateOf(page);
  assert.equal(state.events, lines.length);
  assert.equal(state.missing, 0);
  const replay = await openPage(server.url);
  await finished(replay);
  assert.deepEqual((await stateOf(replay))[0], state);
  await clean(page, { network: true });
});

test("the slider, its keys, playback and the way back to live", async () => {
  const server = await served([logFile("slider", makeRun({ end: false }))]);
  const page = await openPage(server.url);
  await waitForEvents(page, 50);
  await settle(page);
  await setMoment(page, 0);
  await settle(page);
  await reads(page, ".where", /^step 0,/);
  assert.match(await page.getAttribute("#network svg.network", "aria-label"), /hidden 1 has 8 units/);
  assert.equal(await page.locator("#widths .cursor").count(), 1);
  await page.focus("#moment");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => window.isoform.view().following), false);
  const before = await page.evaluate(() => window.isoform.view().step);
  assert.ok(before > 0);
  await page.click("#play");
  await page.waitForFunction((from) => window.isoform.view().step > from, before);
  await page.click("#live");
  await page.waitForFunction(() => window.isoform.view().following);
  await settle(page);
  assert.equal(await page.locator("#widths .cursor").count(), 0);
  await page.focus("#widths .plots");
  await page.keyboard.press("ArrowRight");
  await reads(page, "#edit-explained", /Hidden 1 grew 8 → 12.*Why: 2 of 4 scaffold neurons left/);
  await clean(page);
});

test("several runs: a table, and each with a line of its own", async () => {
  const server = await served([logFile("one", makeRun()), logFile("two", makeRun({ seed: 9, epochs: 5, name: "digits, again" }))]);
  const page = await openPage(server.url);
  await finished(page);
  await settle(page);
  assert.equal(await page.locator("#compare tbody tr").count(), 2);
  assert.equal(await page.locator("svg.network").count(), 2);
  assert.equal(await page.locator("#accuracy .legend li").count(), 2);
  await page.locator("#compare input").nth(1).check();
  await settle(page);
  assert.equal(await page.evaluate(() => window.isoform.view().selected), 1);
  await shoot(page, "compare-light");
  await clean(page);
});

test("plots are saved as SVG and PNG", async () => {
  const server = await served([logFile("saved", makeRun())]);
  const page = await openPage(server.url);
  await finished(page);
  await settle(page);
  for (const panel of ["network", "widths", "spectra", "accuracy", "phases"]) {
    const svg = readFileSync(await saved(page, () => page.click(`#${panel} [data-save=svg]`)), "utf8");
    assert.match(svg, /^<\?xml/);
    assert.ok(!svg.includes("var(--"), `${panel} carries its own colours`);
    const sound = await page.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
      return !parsed.querySelector("parsererror") && parsed.querySelectorAll("path, line, rect, image").length > 2;
    }, svg);
    assert.ok(sound, panel);
    const png = readFileSync(await saved(page, () => page.click(`#${panel} [data-save=png]`)));
    assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    assert.ok(png.readUInt32BE(16) > 600 && png.length > 4000, `${panel}: ${png.length} bytes`);
  }
  await clean(page);
});

test("the whole page is saved as a file that works without a server, and can be saved again from there", async () => {
  const hostile = makeRun({ name: "</script><img src=x onerror=window.hacked=1><!--" });
  const server = await served([logFile("whole", hostile), logFile("other", makeRun({ seed: 4 }))]);
  const page = await openPage(server.url);
  await finished(page);
  await settle(page);
  const path = await saved(page, () => page.click("#save-page"));
  const here = await stateOf(page);
  await clean(page);
  const away = await openPage(pathToFileURL(path).href);
  await away.waitForFunction(() => window.isoform.state().length === 2);
  await settle(away);
  assert.deepEqual(await stateOf(away), here);
  assert.equal(await away.evaluate(() => window.hacked), undefined);
  assert.ok(await away.locator("#network svg").count() > 0);
  const again = join(folder, "again.html");
  writeFileSync(again, readFileSync(await saved(away, () => away.click("#save-page"))));
  const third = await openPage(pathToFileURL(again).href);
  await third.waitForFunction(() => window.isoform.state().length === 2);
  assert.deepEqual(await stateOf(third), here);
  await clean(away);
  await clean(third);
});

test("a file made of the built page by replacing its tags works, too", async () => {
  const dist = new URL("../../dist/", import.meta.url);
  const [html, style, program] = ["index.html", "app.css", "app.js"].map((name) => readFileSync(new URL(name, dist), "utf8"));
  const json = JSON.stringify({ version: "0.1.0", runs: [{ name: "made", events: makeRun().map((line) => JSON.parse(line)) }] }).replaceAll("<", "\\u003c");
  const path = join(folder, "made.html");
  writeFileSync(path, html
    .replace('<link rel="stylesheet" href="app.css">', () => `<style>${style}</style>`)
    .replace('<script type="module" src="app.js"></script>', () => `<script type="module">${program}</script>`)
    .replace("</head>", () => `<script type="application/json" id="recorded-runs">${json}</script></head>`));
  const page = await openPage(pathToFileURL(path).href);
  await page.waitForFunction(() => window.isoform.state().length === 1);
  await settle(page);
  await reads(page, ".pill", /finished/);
  assert.ok(await page.locator("#network svg").count() > 0);
  const again = readFileSync(await saved(page, () => page.click("#save-page")), "utf8");
  assert.ok(again.includes(program.slice(-200)) && again.includes(style.slice(-200)));
  await clean(page);
});

test("hostile names are text", async () => {
  const name = "<img src=x onerror=\"window.hacked=1\">";
  const server = await served([logFile("hostile", makeRun({ name }))]);
  const page = await openPage(server.url);
  await finished(page);
  await settle(page);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator("img").count(), 0);
  assert.ok((await page.textContent("h1")).includes(name));
  await clean(page);
});

for (const [width, colorScheme] of [[360, "light"], [360, "dark"], [768, "light"], [1280, "dark"], [1920, "light"]]) {
  test(`nothing is wider than the page at ${width} pixels, ${colorScheme}`, async () => {
    const long = "a-very-long-name-without-any-break-".repeat(6);
    const server = await served([logFile("width", makeRun({ name: long, end: false }))], { control: true });
    const page = await openPage(server.url, { viewport: { width, height: 800 }, colorScheme });
    await waitForEvents(page, 50);
    await settle(page);
    const size = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(size[0] <= size[1], `${size[0]} of ${size[1]}`);
    await shoot(page, `width-${width}-${colorScheme}`);
    await clean(page);
  });
}

test("the page follows when its window becomes narrow and wide again", async () => {
  const server = await served([logFile("resized", makeRun())]);
  const page = await openPage(server.url);
  await finished(page);
  for (const width of [360, 1000, 420, 1600]) {
    await page.setViewportSize({ width, height: 800 });
    await settle(page);
    await page.waitForFunction(() => {
      const body = document.querySelector("#widths .plots");
      return Math.abs(body.querySelector("svg").getBoundingClientRect().width - body.clientWidth) <= 1;
    });
    const inner = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(inner <= width, `${inner} of ${width}`);
  }
  await clean(page);
});

test("everything that is pressed has a name and can be reached by keys", async () => {
  const server = await served([logFile("keys", makeRun({ end: false }))], { control: true });
  const page = await openPage(server.url);
  await waitForEvents(page, 50);
  await settle(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the run");
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, a")].filter((element) =>
    !(element.textContent.trim() || element.getAttribute("aria-label") || element.labels?.length)).length);
  assert.equal(nameless, 0);
  assert.equal(await page.evaluate(() => [...document.querySelectorAll(".plots > svg")].every((svg) => svg.getAttribute("aria-label")?.length > 20)), true);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds no fault: names, roles, contrast, ${colorScheme}`, async () => {
    const server = await served([logFile("axe", makeRun({ end: false })), logFile("axe-two", makeRun({ seed: 2 }))], { control: true });
    const page = await openPage(server.url, { colorScheme });
    await waitForEvents(page, 50);
    await settle(page);
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(" ")}`), []);
  });
}

// Times are told, not judged: machines that test are busy.
test("a run of 20,000 events is drawn, and stays in bounds", async (t) => {
  const server = await served([logFile("long", makeLong(20_000))]);
  const page = await openPage(server.url);
  const began = Date.now();
  await waitForEvents(page, 20_000);
  const read = Date.now() - began;
  await settle(page);
  const typical = await page.evaluate(async () => {
    // How long a frame takes while the slider is moved: the median.
    const took = [];
    let before = performance.now();
    for (let i = 0; i <= 30; i++) {
      const slider = document.querySelector("#moment");
      slider.value = String((i * slider.max) / 30);
      slider.dispatchEvent(new Event("input"));
      await new Promise((done) => requestAnimationFrame(done));
      const now = performance.now();
      took.push(now - before);
      before = now;
    }
    return took.sort((a, b) => a - b)[15];
  });
  const [state] = await stateOf(page);
  assert.ok(state.steps.length <= 2048);
  assert.equal(state.events, 20_000);
  t.diagnostic(`${read} ms to read, ${Math.round(typical)} ms in a frame`);
  await clean(page);
});

// The rest needs a server that the test can steer.
const mocked = { skip: real !== "" };

test("controls send what they should, and say what came of it", mocked, async () => {
  const server = await served([logFile("steered", makeRun({ end: false }))], { control: true });
  const page = await openPage(server.url);
  await waitForEvents(page, 50);
  await settle(page);
  await page.click("#control-pause");
  await page.waitForFunction(() => document.querySelector("#control-pause").textContent === "Resume");
  await reads(page, ".pill", /paused/);
  await page.click("#control-pause");
  await page.waitForFunction(() => document.querySelector("#control-pause").textContent === "Pause");
  await page.click("text=Adapt now");
  await page.click("#controls >> text=Checkpoint");
  await page.fill("#control-tolerance", "0.05");
  await page.press("#control-tolerance", "Enter");
  await page.fill("#control-budget", "200000");
  await page.press("#control-budget", "Enter");
  await page.locator("#controls fieldset input").nth(1).uncheck();
  await page.click("#control-stop");
  assert.equal(await page.isVisible("#control-stop-yes"), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#control-stop-yes"), false);
  await page.click("#control-stop");
  await shoot(page, "controls");
  await page.click("#control-stop-yes");
  await reads(page, ".said", /Asked: stop/);
  const json = { run: 0, type: "application/json" };
  assert.deepEqual(server.orders, [
    { ...json, action: "pause" }, { ...json, action: "resume" }, { ...json, action: "adapt" }, { ...json, action: "checkpoint" },
    { ...json, action: "set", tolerance: 0.05 }, { ...json, action: "set", parameter_budget: 200000 },
    { ...json, action: "task", task: "shoes", active: false }, { ...json, action: "stop" },
  ]);
  await reads(page, "#feed", /stop, as asked on the page/);
  server.refuse("The last task that is trained cannot rest.");
  await page.click("text=Adapt now");
  await page.waitForSelector(".said.error");
  await reads(page, ".said", /cannot rest/);
  await clean(page, { network: true });
});

test("a token: from the address, or asked for", mocked, async () => {
  const server = await served([logFile("secret", makeRun())], { token: "a b&c" });
  const page = await openPage(`${server.url}#token=${encodeURIComponent("a b&c")}`);
  await finished(page);
  assert.ok(!page.url().includes("token"), page.url());
  await page.reload();
  await finished(page);
  await clean(page);
  const asked = await openPage(server.url);
  await asked.waitForSelector("#token");
  await asked.fill("#token", "wrong");
  await asked.press("#token", "Enter");
  await asked.waitForSelector("#token");
  await shoot(asked, "token");
  await asked.fill("#token", "a b&c");
  await asked.press("#token", "Enter");
  await finished(asked);
  await clean(asked, { network: true });
});

test("the built page is three files with plain tags", () => {
  const dist = new URL("../../dist/", import.meta.url);
  const html = readFileSync(new URL("index.html", dist), "utf8");
  assert.equal(html.split('<link rel="stylesheet" href="app.css">').length, 2);
  assert.equal(html.split('<script type="module" src="app.js"></script>').length, 2);
  assert.equal(html.split("<script").length, 2);
  assert.equal(html.split("</head>").length, 2);
  assert.ok(existsSync(new URL("app.js", dist)) && existsSync(new URL("app.css", dist)));
  assert.ok(readFileSync(new URL("app.js", dist)).length < 450_000);
  assert.ok(!/<\/(script|head|style)|<!--/i.test(readFileSync(new URL("app.js", dist), "utf8")), "app.js can stand within a page");
});
