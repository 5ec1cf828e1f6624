// Widths over steps, with every birth and removal; and the parameters below.
import * as Plot from "@observablehq/plot";
import { timePlot, type Drawing, type Spec } from "../page/chart";
import { s, setText, h } from "../page/dom";
import { look, reach, shown, tail, type RunView, type View } from "../page/view";
import { clip, count, hidden, short, widthsText } from "../run/format";
import type { Edit, From } from "../run/state";
import { editReason, editWords } from "../run/words";
import { changeRules, endLabels } from "./marks";

/** A staircase: a value holds until the next. */
export function stairs(track: readonly From[], end: number): From[] {
  const last = track[track.length - 1];
  return last && end > last.step ? [...track, { step: end, value: last.value }] : [...track];
}

export function widthsSpec(): Spec {
  const explain = h("p", { class: "explain", "aria-live": "polite", id: "edit-explained" });
  let edits: Edit[] = [], run: RunView | null = null, chosen = -1;
  let plots: SVGSVGElement[] = [];

  const idle = "Point at a triangle, or focus the plot and press ← and →, to read why units came and went.";
  const tell = (index: number): void => {
    chosen = index;
    const edit = edits[index];
    for (const plot of plots) plot.querySelector(".chosen")?.remove();
    if (!edit || !run) return setText(explain, edits.length > 0 ? idle : "");
    setText(explain, `Step ${count(edit.step)}, epoch ${edit.epoch}. ${editWords(edit)} ${editReason(edit)}`);
    const plot = plots[0] as (SVGSVGElement & { scale?: (name: string) => { apply(value: number): number } | undefined }) | undefined;
    const x = plot?.scale?.("x"), y = plot?.scale?.("y");
    if (plot && x && y) plot.append(s("circle", { class: "chosen", cx: x.apply(edit.step), cy: y.apply(edit.after), r: 7 }));
  };

  return {
    id: "widths",
    title: "Width of each hidden layer",
    about: "How many units each layer has. Triangles up: units were born. Triangles down: units were removed.",
    timed: true,
    below: explain,
    key: (view) => `${view.selected} ${view.runs.map((each) => `${each.state.edits.length}:${each.state.epochs.length}:${each.state.resumed}:${tail(each, reach(view.runs))}`)} ${reach(view.runs)}`,
    draw(view, width) {
      run = shown(view);
      edits = view.runs.length > 1 ? [] : run.state.edits.filter((edit) => edit.born + edit.removed > 0);
      const drawing = view.runs.length > 1 ? compare(view, width) : single(view, run, width);
      plots = drawing.plots as SVGSVGElement[];
      explain.hidden = edits.length === 0;
      queueMicrotask(() => tell(Math.min(chosen, edits.length - 1)));
      return drawing;
    },
    attach(body) {
      body.tabIndex = 0;
      body.setAttribute("role", "group");
      body.setAttribute("aria-label", "Widths over time. Left and right arrow keys go through births and removals.");
      body.setAttribute("aria-describedby", "edit-explained");
      body.addEventListener("keydown", (event) => {
        const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!move || edits.length === 0) return;
        event.preventDefault();
        tell(chosen < 0 ? (move > 0 ? 0 : edits.length - 1) : Math.min(Math.max(chosen + move, 0), edits.length - 1));
      });
      body.addEventListener("pointermove", (event) => {
        const svg = (event.target as Element).closest("svg") as (SVGSVGElement & { scale?: (name: string) => { apply(value: number): number } | undefined }) | null;
        const x = svg?.scale?.("x"), y = svg?.scale?.("y");
        if (!svg || !x || !y) return;
        const from = svg.getBoundingClientRect();
        const px = event.clientX - from.left, py = event.clientY - from.top;
        let best = -1, nearest = 20 * 20;
        edits.forEach((edit, index) => {
          const distance = (x.apply(edit.step) - px) ** 2 + ((y.apply(edit.after) - py) / 2) ** 2;
          if (distance <= nearest) [best, nearest] = [index, distance];
        });
        if (best >= 0) tell(best);
      });
      body.addEventListener("pointerleave", () => tell(-1));
    },
  };
}

function single(view: View, run: RunView, width: number): Drawing {
  const domain = reach(view.runs), end = tail(run, domain);
  const tracks = run.state.widthTracks;
  const lines = tracks.map((track) => stairs(track, end));
  const height = width < 480 ? 230 : 280;
  const most = Math.max(1, ...lines.flatMap((line) => line.map((from) => from.value)));
  const plot = timePlot(width, height, domain, {
    marginRight: 64,
    y: { label: "units", grid: true, nice: true, domain: [0, most], tickFormat: short },
    marks: [
      Plot.ruleY([0], { stroke: "var(--axis)" }),
      changeRules(run.state),
      ...lines.map((line, i) => Plot.line(line, { x: "step", y: "value", curve: "step-after", stroke: look(i).colour, strokeDasharray: look(i).dash || "none", strokeWidth: 2.25 })),
      ...triangles(run.state.edits, domain, width),
      ...endLabels(lines.map((line, i) => ({ at: line.at(-1), text: `${i + 1}: ${line.at(-1)?.value ?? ""}`, look: look(i) })), height, 0, most),
    ],
  });
  const first = widthsText(run.state.firstWidths), last = widthsText(run.state.widths);
  return {
    plots: [plot],
    legend: [
      ...tracks.slice(0, 12).map((_, i) => ({ label: `hidden ${i + 1}`, look: look(i) })),
      { label: "units born", kind: "up" as const, look: { colour: "var(--born)" } },
      { label: "removed", kind: "down" as const, look: { colour: "var(--gone)" } },
    ],
    summary: `Hidden widths went from ${first} to ${last}; ${count(run.state.born)} units were born and ${count(run.state.removed)} removed.`,
    ...(tracks.length === 0 && { note: run.state.started ? "This network has no hidden layer." : "Nothing yet." }),
  };
}

// With more than a hundred or so triangles nobody sees any: a layer shows one of each kind in so many pixels.
function triangles(edits: readonly Edit[], domain: [number, number], width: number): Plot.Markish[] {
  const bin = ((domain[1] - domain[0]) / Math.max(1, width)) * Math.min(60, Math.max(8, edits.length / 12));
  const kept = new Map<string, { step: number; at: number; up: boolean }>();
  for (const edit of edits) {
    const key = `${edit.space} ${Math.floor(edit.step / bin)}`;
    if (edit.born > 0) kept.set(`${key} up`, { step: edit.step, at: Math.max(edit.before, edit.after), up: true });
    if (edit.removed > 0) kept.set(`${key} down`, { step: edit.step, at: Math.min(edit.before, edit.after), up: false });
  }
  const all = [...kept.values()];
  const common = { x: "step", y: "at", stroke: "var(--card)", strokeWidth: 0.8, r: 4.5 } as const;
  return [
    Plot.dot(all.filter((mark) => mark.up), { ...common, symbol: "triangle", fill: "var(--born)", dy: -8 }),
    Plot.dot(all.filter((mark) => !mark.up), { ...common, symbol: "triangle", fill: "var(--gone)", dy: 8, rotate: 180 }),
  ];
}

function compare(view: View, width: number): Drawing {
  const domain = reach(view.runs);
  const layers = Math.max(0, ...view.runs.map((run) => run.state.widthTracks.length));
  const columns = width > 620 && layers > 1 ? 2 : 1;
  const each = Math.floor((width - 14 * (columns - 1)) / columns);
  const plots = Array.from({ length: Math.min(layers, 8) }, (_, layer) => {
    const lines = view.runs.map((run) => ({ run, line: stairs(run.state.widthTracks[layer] ?? [], tail(run, domain)) }));
    return timePlot(each, 200, domain, {
      marginRight: 40,
      y: { label: `units of hidden ${layer + 1}`, grid: true, nice: true, zero: true, tickFormat: short },
      marks: [
        Plot.ruleY([0], { stroke: "var(--axis)" }),
        ...lines.map(({ run, line }) => Plot.line(line, {
          x: "step", y: "value", curve: "step-after", stroke: look(run.index).colour, strokeDasharray: look(run.index).dash || "none", strokeWidth: 2.25,
        })),
        ...endLabels(lines.map(({ run, line }) => ({ at: line.at(-1), text: String(line.at(-1)?.value ?? ""), look: look(run.index) })), 200, 0, Math.max(...lines.flatMap(({ line }) => line.map((from) => from.value)))),
      ],
    });
  });
  return {
    plots,
    legend: view.runs.map((run) => ({ label: clip(run.name, 40), look: look(run.index) })),
    summary: view.runs.map((run) => `${run.name}: ${hidden(run.state.firstWidths).join("-")} to ${hidden(run.state.widths).join("-")}.`).join(" "),
  };
}
