// Puts the page together: who follows which run, what is drawn when.
import { fetchRuns, setToken, takeToken, Unauthorised, type RunInfo } from "./net/api";
import { follow, type Link } from "./net/follow";
import { chartPanel, type Panel } from "./page/chart";
import { fill, h, setText } from "./page/dom";
import { pageParts, savePage } from "./page/export";
import { themeButton } from "./page/theme";
import { shown, type RunView, type View } from "./page/view";
import { controlsPanel } from "./panels/controls";
import { editsPanel } from "./panels/edits";
import { feedPanel } from "./panels/feed";
import { comparePanel, headerPanel } from "./panels/header";
import { accuracySpec, lossSpec, parametersSpec } from "./panels/learning";
import { networkSpec } from "./panels/network";
import { phasesSpec } from "./panels/phases";
import { scaffoldSpec } from "./panels/scaffold";
import { scheduleSpec } from "./panels/schedule";
import { spectraSpec } from "./panels/spectra";
import { timebar } from "./panels/timebar";
import { widthsSpec } from "./panels/widths";
import { asEvent, EventError, parseLine } from "./run/events";
import { Lines } from "./run/lines";
import { apply } from "./run/reduce";
import { emptyState } from "./run/state";
import { recordedRuns } from "./run/recorded";
import "./style.css";

const SLOW = 400; // milliseconds between two drawings of a live run

const view: View = { version: "", runs: [], selected: 0, step: 0, following: true, recorded: false };
const followers: { retry(): void }[] = [];

const choose = (step: number): void => {
  view.following = false;
  view.step = Math.round(step);
  wake("moment");
};
const live = (): void => {
  view.following = true;
  wake("moment");
};
const select = (index: number): void => {
  view.selected = index;
  wake("all");
};

// Drawing is throttled: events may come by the thousand.
let asked: "none" | "moment" | "all" = "none", last = 0, timer = 0;
function wake(what: "moment" | "all", soon = true): void {
  if (what === "all" || asked === "none") asked = what;
  if (soon) {
    clearTimeout(timer);
    timer = 0;
    requestAnimationFrame(draw);
  } else if (timer === 0) timer = window.setTimeout(() => requestAnimationFrame(draw), Math.max(0, SLOW - (performance.now() - last)));
}

function draw(): void {
  if (asked === "none" || view.runs.length === 0) return;
  timer = 0;
  const all = asked === "all";
  asked = "none";
  if (view.following) view.step = Math.max(0, ...view.runs.map((run) => run.state.lastStep));
  bar.update(view);
  for (const panel of panels) panel.moment(view);
  if (!all) return;
  last = performance.now();
  for (const one of [header, controls, compare, ...panels, edits, feed]) waiting.add(one);
  work();
}

// Plots take their turn, a few in each frame, so that the page answers meanwhile.
const waiting = new Set<{ update(view: View): void }>();
const TURN = 12;
let working = false;
function work(): void {
  if (working) return;
  working = true;
  const turn = (): void => {
    const until = performance.now() + TURN;
    for (const one of waiting) {
      waiting.delete(one);
      one.update(view);
      if (performance.now() > until) break;
    }
    working = waiting.size > 0;
    if (working) requestAnimationFrame(turn);
  };
  turn();
}

const specs = [networkSpec(), scheduleSpec(), widthsSpec(), accuracySpec(), parametersSpec(), lossSpec(), spectraSpec(), scaffoldSpec(), phasesSpec()];
const panels: Panel[] = specs.map((spec) => chartPanel(spec, choose, () => wake("all", false)));
const bar = timebar(choose, live, () => view);
const header = headerPanel(() => followers.forEach((one) => one.retry()));
const controls = controlsPanel(() => askToken());
const compare = comparePanel(select);
const edits = editsPanel(choose), feed = feedPanel(choose);

const version = h("span", { class: "version" });
const tokenForm = h("form", { class: "token", hidden: true });
const trouble = h("p", { class: "trouble error", role: "alert", hidden: true });
const saveWhole = h("button", { type: "button", class: "quiet", id: "save-page", title: "One file with everything in it, which opens without a server" },
  h("span", { "aria-hidden": "true" }, "⤓ "), "Save page");
saveWhole.addEventListener("click", () => {
  void savePage(view).catch(() => problem("The page could not be saved: the server cannot be reached."));
});

const retheme = (): void => {
  panels.forEach((panel) => panel.refresh());
  wake("all");
};
const [network, ...others] = panels.map((panel) => panel.element);
const grid = h("div", { class: "grid" }, network, feed.element, ...others, edits.element);
const main = h("main", { id: "main", tabindex: -1, hidden: true }, header.element, controls.element, bar.element, compare.element,
  grid);
fill(document.getElementById("app")!,
  h("a", { class: "skip", href: "#main", onclick: (event: Event) => {
    event.preventDefault();
    main.focus();
  } }, "Skip to the run"),
  h("header", { class: "top" }, h("span", { class: "brand" }, logo(), "Isoform"), version, h("span", { class: "space" }), saveWhole, themeButton(retheme)),
  trouble, tokenForm, main);
new ResizeObserver(() => wake("all", false)).observe(main);

function logo(): HTMLElement {
  // Three layers, one of them wider.
  const bars = [10, 18, 13].map((height) => h("span", { style: `height: ${height}px` }));
  return h("span", { class: "logo", "aria-hidden": "true" }, ...bars);
}

function problem(text: string): void {
  trouble.hidden = text === "";
  setText(trouble, text);
}

let askedToken = false;
function askToken(): void {
  if (!tokenForm.hidden) return;
  tokenForm.hidden = false;
  const input = h("input", { id: "token", type: "password", autocomplete: "off", required: true });
  fill(tokenForm, h("label", { for: "token" }, askedToken ? "That token was not accepted; another?"
    : "This server wants a token: it is in the file that the program was given (--token-file), or in its variable ISOFORM_TOKEN."),
    h("div", { class: "field-row" }, input, h("button", { type: "submit" }, "Go on")));
  askedToken = true;
  input.focus();
}
tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(tokenForm.querySelector("input")!.value.trim());
  tokenForm.hidden = true;
  if (view.runs.length === 0) void begin();
  else followers.forEach((one) => one.retry());
});

function addRun(info: RunInfo, index: number): RunView {
  const run: RunView = { ...info, index, state: emptyState(), link: { state: "connecting" }, lines: new Lines() };
  view.runs.push(run);
  return run;
}

function take(run: RunView, line: string): void {
  try {
    const event = parseLine(line);
    if (event.seq > run.state.lastSeq) run.lines.add(line);
    apply(run.state, event);
  } catch (error) {
    run.state.unreadable = error instanceof EventError ? `${error.message}.` : "A line of the log could not be read.";
  }
  wake("all", false);
}

async function begin(): Promise<void> {
  for (let wait = 1; ; wait = Math.min(30, 2 * wait)) {
    try {
      const { version: told, runs } = await fetchRuns();
      problem(runs.length === 0 ? "The server knows no run." : "");
      view.version = told;
      runs.forEach((info, index) => {
        const run = addRun(info, index);
        followers.push(follow(info.id, {
          next: () => run.state.lastSeq + 1,
          line: (line) => take(run, line),
          link: (link: Link) => {
            run.link = link;
            if (link.state === "token") askToken();
            wake("all", false);
          },
        }));
      });
      break;
    } catch (error) {
      if (error instanceof Unauthorised) return askToken();
      problem(`The server cannot be reached; trying again in ${wait} s.`);
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    }
  }
  open();
}

function open(): void {
  main.hidden = view.runs.length === 0;
  void pageParts().catch(() => undefined);
  grid.classList.toggle("several", view.runs.length > 1);
  setText(version, view.version ? `version ${view.version}` : "");
  wake("all");
}

takeToken();
const recorded = recordedRuns(document);
if (recorded) {
  view.recorded = true;
  view.version = recorded.version;
  recorded.runs.forEach(({ name, events }, index) => {
    const run = addRun({ id: index, name, live: false, control: false }, index);
    run.link = { state: "done" };
    for (const value of events) {
      try {
        const event = asEvent(value);
        // A log that was thinned for a file misses lines on purpose.
        run.lines.add(JSON.stringify(value));
        apply(run.state, event);
      } catch (error) {
        run.state.unreadable = error instanceof EventError ? `${error.message}.` : "A line of the log could not be read.";
      }
    }
  });
  open();
} else void begin();

declare global {
  interface Window {
    isoform: { idle(): boolean; state(): unknown; links(): unknown; view(): unknown };
  }
}
// For tests: what the page knows, as plain data.
window.isoform = {
  idle: () => asked === "none" && waiting.size === 0 && timer === 0,
  state: () => view.runs.map((run) => run.state),
  links: () => view.runs.map((run) => run.link.state),
  view: () => ({ step: view.step, following: view.following, selected: shown(view)?.id }),
};
