// The run at a glance: how it stands, how far it is, how large and how good the network is.
import { fill, h, setText } from "../page/dom";
import { look, shown, type RunView, type View } from "../page/view";
import { clip, count, duration, percent, significant, widthsText } from "../run/format";
import { bestEpoch, secondsLeft } from "../run/moment";
import { statusOf, type RunState, type Status } from "../run/state";
import type { SidePanel } from "./edits";

export const WORDS: Record<Status, [string, string]> = {
  waiting: ["○", "waiting for events"], live: ["●", "live"], paused: ["❚❚", "paused"],
  finished: ["✓", "finished"], stopped: ["■", "stopped"], diverged: ["✕", "diverged"],
};

export function standing(run: RunView): { status: Status | "cut"; sign: string; word: string } {
  const status = statusOf(run.state);
  // A log without an end that nobody writes any more.
  if ((status === "live" || status === "paused") && (run.link.state === "done" || !run.live && run.link.state !== "open" && run.link.state !== "connecting")) {
    return { status: "cut", sign: "◌", word: "unfinished" };
  }
  const [sign, word] = WORDS[status];
  return { status, sign, word };
}

export function linkWords(run: RunView): string {
  const { link } = run;
  if (link.state === "waiting") return run.state.ended ? "" : `connection lost, reconnecting in ${link.seconds} s`;
  if (link.state === "connecting") return run.state.started ? (run.state.ended ? "" : "reconnecting …") : "connecting …";
  if (link.state === "token") return "a token is needed";
  if (link.state === "failed") return link.why;
  return "";
}

export function headerPanel(retry: () => void): SidePanel {
  const title = h("h1", {});
  const pill = h("span", { class: "pill" });
  const link = h("span", { class: "link-state" });
  const again = h("button", { type: "button", class: "quiet", onclick: retry }, "Now");
  const heard = h("div", { class: "heard", role: "status", "aria-live": "polite" });
  const fillBar = h("div", { class: "bar-fill" });
  const bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Progress of the run", "aria-valuemin": 0, "aria-valuemax": 100 }, fillBar);
  const under = h("p", { class: "under" });
  const tiles = h("dl", { class: "tiles" });
  const unread = h("p", { class: "error", hidden: true });
  const element = h("section", { class: "summary", "aria-label": "The run at a glance" },
    h("div", { class: "title-row" }, title, pill, link, again), heard, bar, under, tiles, unread);
  let known = "";

  function update(view: View): void {
    const run = shown(view), { state } = run;
    const several = view.runs.length > 1;
    setText(title, several ? view.runs.map((each) => clip(each.name, 40)).join(" and ") : clip(state.data ? `${run.name} · ${state.data}` : run.name, 90));
    document.title = `${standing(run).sign} ${clip(run.name, 40)} – Isoform`;
    const now = standing(run);
    if (pill.dataset["status"] !== now.status) {
      pill.dataset["status"] = now.status;
      fill(pill, h("span", { "aria-hidden": "true" }, now.sign), ` ${now.word}`);
    }
    const words = linkWords(run);
    setText(link, words);
    again.hidden = run.link.state !== "waiting" || words === "";
    // Read out only when it changes: not every second of a countdown.
    setText(heard, `${run.name} is ${now.word}${run.link.state === "waiting" && words ? "; the connection is lost" : ""}.`);
    const share = state.ended ? 1 : state.stepsPlanned > 0 ? Math.min(1, state.lastStep / state.stepsPlanned) : 0;
    fillBar.style.width = `${(100 * share).toFixed(2)}%`;
    bar.setAttribute("aria-valuenow", (100 * share).toFixed(0));
    const left = secondsLeft(state);
    setText(under, [
      `epoch ${count(state.lastEpoch)} of ${count(state.epochsPlanned)}`, `step ${count(state.lastStep)} of ${count(Math.max(state.stepsPlanned, state.lastStep))}`,
      duration(state.seconds), left === null ? "" : `about ${duration(left)} left`,
    ].filter((part) => part !== "").join(" · "));
    unread.hidden = state.unreadable === "" && state.missing === 0;
    setText(unread, state.unreadable || (state.missing > 0 ? `${count(state.missing)} lines of the log are not here. (A server thins the steps of a very long run.)` : ""));
    const text = JSON.stringify(tilesOf(state));
    if (text === known) return;
    known = text;
    tiles.hidden = several;
    fill(tiles, ...tilesOf(state).map(([name, value, small]) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value), small && h("dd", { class: "small" }, small))));
  }
  return { element, update };
}

function tilesOf(state: RunState): [string, string, string][] {
  const last = state.epochs.at(-1), best = bestEpoch(state);
  const accuracy = last?.validationAccuracy ?? last?.trainAccuracy ?? null;
  const validated = last?.validationAccuracy != null;
  const loss = last?.validationLoss ?? last?.trainLoss ?? state.steps.at(-1)?.loss ?? null;
  return [
    ["Hidden widths", widthsText(state.widths), `began with ${widthsText(state.firstWidths)}`],
    ["Parameters", count(state.parameters), `began with ${count(state.firstParameters)}`],
    [validated ? "Validation accuracy" : "Accuracy", percent(accuracy), best && accuracy !== null ? `best ${percent(best.validationAccuracy ?? best.trainAccuracy)} in epoch ${best.epoch}` : last ? "not measured in this run" : "measured after each epoch"],
    ["Loss", significant(loss), last?.trainLoss != null ? `training ${significant(last.trainLoss)}` : ""],
    ["Units born", count(state.born), `${count(state.removed)} removed`],
    ["Policy", state.policy || "not told", state.policy === "tolerance" && state.tolerance !== null ? `outputs may change by ${percent(state.tolerance, 1)}` : state.policy === "fixed" ? "widths stay" : ""],
  ];
}

/** Runs side by side, in a table. */
export function comparePanel(select: (index: number) => void): SidePanel {
  const body = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of the runs" });
  const element = h("section", { class: "panel wide", id: "compare", "aria-labelledby": "compare-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "compare-title" }, "Runs side by side")),
    h("p", { class: "about" }, "Each run has a colour and a line style of its own in the plots below. Panels that show one run show the one chosen here."), body);
  let known = "";
  function update(view: View): void {
    element.hidden = view.runs.length < 2;
    if (element.hidden) return;
    const cells = view.runs.map((run) => {
      const { state } = run, now = standing(run), last = state.epochs.at(-1), best = bestEpoch(state);
      return [
        `${now.sign} ${now.word}`, state.data, state.policy || "–", `${widthsText(state.firstWidths)} → ${widthsText(state.widths)}`, count(state.parameters),
        percent(last?.validationAccuracy ?? last?.trainAccuracy ?? null), best ? `${percent(best.validationAccuracy ?? best.trainAccuracy)} (epoch ${best.epoch})` : "–",
        significant(last?.validationLoss ?? last?.trainLoss ?? null), `▲ ${count(state.born)}  ▼ ${count(state.removed)}`, `${count(state.lastStep)} in ${duration(state.seconds)}`,
      ];
    });
    const text = JSON.stringify([view.selected, cells]);
    if (text === known) return;
    known = text;
    const names = ["Status", "Data", "Policy", "Hidden widths", "Parameters", "Accuracy", "Best accuracy", "Loss", "Units", "Steps"];
    const focused = body.contains(document.activeElement);
    fill(body, h("table", { class: "compare" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Run"), ...names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...view.runs.map((run, index) => h("tr", { class: index === view.selected ? "selected" : null },
        h("th", { scope: "row" }, h("label", {},
          h("input", { type: "radio", name: "run", checked: index === view.selected, onchange: () => select(index) }), " ",
          h("span", { style: `color: ${look(index).colour}`, "aria-hidden": "true" }, look(index).symbol), ` ${clip(run.name, 40)}`)),
        ...cells[index]!.map((cell) => h("td", {}, cell)))))));
    if (focused) body.querySelectorAll("input")[view.selected]?.focus();
  }
  return { element, update };
}
