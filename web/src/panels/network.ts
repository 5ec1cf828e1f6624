// The network as a drawing: every layer a body that swells and thins, its units ordered by strength.
import { count } from "../run/format";
import { lastUntil, momentAt, spectraOf, type LayerMoment, type Moment } from "../run/moment";
import type { RunState } from "../run/state";
import { strength, strengthColour, strengthScale, type StrengthScale } from "../run/strength";
import { nameNow, taskLives } from "../run/tasks";
import type { Spec } from "../page/chart";
import { calm, fill, s } from "../page/dom";
import { clip } from "../run/format";
import { look, taskLook, type RunView, type View } from "../page/view";

const TOP = 46, BOTTOM = 58, GAP = 64, SHADES = 15, CURVES = 36;

interface Shape { svg: SVGSVGElement; widths: number[]; frame: number }

export function networkSpec(): Spec {
  const shapes = new Map<number, Shape>();

  function paint(view: View, run: RunView, width: number, scale: Scale): Shape {
    let shape = shapes.get(run.id);
    if (!shape) shapes.set(run.id, (shape = { svg: s("svg", { class: "network" }), widths: [], frame: 0 }));
    const now = momentAt(run.state, view.following ? run.state.lastStep : view.step);
    const target = now.layers.map((layer) => layer.width);
    const known = shape;
    cancelAnimationFrame(known.frame);
    if (known.widths.length !== target.length || calm()) known.widths = target.slice();
    const frame = (): void => {
      let moving = false;
      known.widths = known.widths.map((at, i) => {
        const to = target[i]!, next = at + (to - at) * 0.22;
        if (Math.abs(to - next) < 0.5) return to;
        moving = true;
        return next;
      });
      drawNetwork(known.svg, run, now, known.widths, width, scale, view.runs.length > 1);
      if (moving) known.frame = requestAnimationFrame(frame);
    };
    frame();
    return known;
  }

  const columns = (view: View, width: number): number => (view.runs.length > 1 && width > 700 ? 2 : 1);
  const seen = (view: View): RunView[] => view.runs.filter((run) => run.state.started).slice(0, 4);
  const each = (view: View, width: number): number => {
    const n = columns(view, width);
    return Math.floor((width - 16 * (n - 1)) / n);
  };

  const heard = (view: View, runs: RunView[]): string =>
    runs.map((run) => describe(run, momentAt(run.state, view.following ? run.state.lastStep : view.step))).join(" ");

  return {
    id: "network",
    title: "The network",
    wide: true,
    about: "Each body is a hidden layer: the taller, the more units it has. Units are stacked from the strongest (top) to the " +
      "weakest: a long bar in a strong colour is a unit that carries much of the signal (a large singular value).",
    key: (view) => view.runs.map((run) => `${run.state.lastSeq}`).join(),
    draw(view, width) {
      const runs = seen(view);
      const scale = scaleOf(runs.map((run) => run.state));
      const plots = runs.map((run) => paint(view, run, each(view, width), scale).svg);
      const summary = heard(view, runs);
      const drawing = {
        plots, summary,
        legend: [
          { label: "strong unit", kind: "box" as const, look: { colour: "var(--r7)" } },
          { label: "weak unit", kind: "box" as const, look: { colour: "var(--r1)" } },
          { label: "scaffold: spare units, not needed yet", kind: "hatch" as const, look: { colour: "var(--scaffold)" } },
          { label: "born since strengths were last measured", kind: "band" as const, look: { colour: "var(--born)" } },
        ],
      };
      return plots.length > 0 ? drawing : { ...drawing, note: "Nothing yet: the first event brings the network." };
    },
    onMoment(view, width) {
      if (width <= 0) return "";
      const runs = seen(view);
      const scale = scaleOf(runs.map((run) => run.state));
      for (const run of runs) paint(view, run, each(view, width), scale);
      return heard(view, runs);
    },
  };
}

interface Scale { widest: number; strengths: StrengthScale }

// One scale for all runs and all moments, so that sizes can be compared.
const scales = new WeakMap<RunState, { tail: unknown; length: number; range: StrengthScale }>();

function scaleOf(states: RunState[]): Scale {
  let widest = 1;
  const ranges: StrengthScale[] = [];
  for (const state of states) {
    const tail = state.spectra[state.spectra.length - 1];
    let known = scales.get(state);
    if (!known || known.tail !== tail || known.length !== state.spectra.length) {
      scales.set(state, (known = { tail, length: state.spectra.length, range: strengthScale(state.spectra) }));
    }
    if (state.spectra.length > 0) ranges.push(known.range);
    for (const track of state.widthTracks) for (const from of track) widest = Math.max(widest, from.value);
  }
  const strengths = ranges.length > 0 ? { low: Math.min(...ranges.map((range) => range.low)), high: Math.max(...ranges.map((range) => range.high)) } : { low: 1, high: 1 };
  return { widest, strengths };
}

function describe(run: RunView, now: Moment): string {
  const layers = now.layers.map((layer) => `hidden ${layer.space} has ${layer.width} units` + (layer.scaffold ? `, ${layer.scaffold} of them scaffold` : ""));
  return `${run.name} at step ${count(now.step)}: ${now.inputs} inputs, ${layers.join("; ")}; ${now.outputs} outputs.`;
}

interface Row { y: number; height: number; half: number; shade: number; kind: "unit" | "scaffold" | "new" }

function rowsOf(layer: LayerMoment, shown: number, height: number, middle: number, half: number, range: StrengthScale): Row[] {
  const units = Math.max(1, Math.round(shown));
  const rows = Math.max(1, Math.min(units, Math.floor(height / 3) || 1));
  const per = height / rows;
  const scaffoldFrom = layer.scaffold === null ? Infinity : layer.width - layer.scaffold;
  return Array.from({ length: rows }, (_, i) => {
    const first = Math.floor((i * units) / rows), after = Math.max(first + 1, Math.floor(((i + 1) * units) / rows));
    let sum = 0, known = 0;
    for (let unit = first; unit < after && unit < layer.values.length; unit++, known++) sum += layer.values[unit]!;
    const share = known > 0 ? strength(sum / known, range) : 0;
    const unit = (first + after - 1) / 2;
    const kind = unit >= scaffoldFrom ? "scaffold" : known === 0 ? "new" : "unit";
    const reach = 0.12 * half + 0.88 * half * share * share;
    return {
      y: middle - height / 2 + i * per, height: Math.max(0.8, per > 5 ? per - 1.5 : per > 2.5 ? per - 0.6 : per),
      half: kind === "unit" ? reach : Math.max(reach, 0.32 * half),
      shade: Math.round(share * (SHADES - 1)), kind,
    };
  });
}

const box = (x: number, row: Row): string => {
  const n = (value: number): string => value.toFixed(1);
  return `M${n(x - row.half)} ${n(row.y)}h${n(2 * row.half)}v${n(row.height)}h${n(-2 * row.half)}z`;
};

function drawNetwork(svg: SVGSVGElement, run: RunView, now: Moment, widths: number[], room: number, scale: Scale, named: boolean): void {
  const spaces = now.layers.length + 2;
  const width = Math.max(room, GAP * (spaces - 1) + 90);
  const tall = room < 520 ? 320 : 400;
  const middle = TOP + (tall - TOP - BOTTOM) / 2, most = tall - TOP - BOTTOM;
  const step = (width - 90) / (spaces - 1);
  const half = Math.min(64, step * 0.36);
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(tall));
  svg.setAttribute("viewBox", `0 0 ${width} ${tall}`);
  const x = (space: number): number => 45 + space * step;
  const parts: SVGElement[] = [hatch()];
  if (named) parts.push(s("text", { x: 4, y: 14, class: "net-run", fill: look(run.index).words }, `${look(run.index).symbol} ${clip(run.name, 40)}`));

  const bars = now.layers.map((layer, i) => {
    const height = Math.max(4, (most * widths[i]!) / scale.widest);
    return { layer, height, rows: rowsOf(layer, widths[i]!, height, middle, half, scale.strengths) };
  });
  // Connections, one bundle for each layer, by the strength of the unit that they lead to.
  bars.forEach((bar, i) => {
    const from = bars[i - 1];
    const fromHeight = from?.height ?? most * 0.82;
    const curves = Math.min(CURVES, bar.rows.length);
    const bundle: string[] = Array.from({ length: SHADES }, () => "");
    for (let c = 0; c < curves; c++) {
      const row = bar.rows[Math.floor((c * bar.rows.length) / curves)]!;
      if (row.kind === "new") continue;
      const x0 = x(i) + (from ? sideAt(from.rows, (c + 0.5) / curves) : 6), x1 = x(i + 1) - row.half;
      const y0 = middle - fromHeight / 2 + (fromHeight * (c + 0.5)) / curves, y1 = row.y + row.height / 2;
      const bend = (x1 - x0) / 2;
      bundle[row.shade] += `M${x0.toFixed(1)} ${y0.toFixed(1)}C${(x0 + bend).toFixed(1)} ${y0.toFixed(1)} ${(x1 - bend).toFixed(1)} ${y1.toFixed(1)} ${x1.toFixed(1)} ${y1.toFixed(1)}`;
    }
    bundle.forEach((d, shade) => {
      if (d) parts.push(s("path", { d, fill: "none", stroke: strengthColour(Math.max(0.2, shade / (SHADES - 1))), "stroke-width": (0.5 + (2.2 * shade) / SHADES).toFixed(2), "stroke-opacity": (0.25 + (0.5 * shade) / SHADES).toFixed(2) }));
    });
  });
  // What leads to the outputs is not measured: even, thin lines.
  const last = bars[bars.length - 1];
  const outHeight = Math.min(most * 0.5, 14 * Math.max(1, now.outputs));
  let fan = "";
  for (let c = 0; c < Math.min(12, now.outputs); c++) {
    const share = (c + 0.5) / Math.min(12, now.outputs);
    const x0 = x(spaces - 2) + (last ? sideAt(last.rows, 0.5 + (share - 0.5) * 0.9) : 6), x1 = x(spaces - 1) - 7, bend = (x1 - x0) / 2;
    const y0 = middle + (share - 0.5) * (last?.height ?? most * 0.82) * 0.9, y1 = middle + (share - 0.5) * outHeight;
    fan += `M${x0.toFixed(1)} ${y0.toFixed(1)}C${(x0 + bend).toFixed(1)} ${y0.toFixed(1)} ${(x1 - bend).toFixed(1)} ${y1.toFixed(1)} ${x1.toFixed(1)} ${y1.toFixed(1)}`;
  }
  parts.push(s("path", { d: fan, fill: "none", stroke: "var(--soft)", "stroke-opacity": 0.4, "stroke-width": 1 }));

  for (const [space, size, height, word] of [[0, now.inputs, most * 0.82, "input"], [spaces - 1, now.outputs, outHeight, "output"]] as const) {
    parts.push(s("rect", { x: x(space) - 6, y: middle - height / 2, width: 12, height, rx: 3, class: "net-end" }),
      label(x(space), 30, word, "net-name"), label(x(space), tall - 34, count(size), "net-width"));
  }
  bars.forEach(({ layer, rows, height }, i) => {
    const at = x(i + 1);
    const shades: string[] = Array.from({ length: SHADES }, () => "");
    let scaffold = "", born = "";
    for (const row of rows) {
      if (row.kind === "scaffold") scaffold += box(at, row);
      else if (row.kind === "new") born += box(at, row);
      else shades[row.shade] += box(at, row);
    }
    shades.forEach((d, shade) => d && parts.push(s("path", { d, fill: strengthColour(shade / (SHADES - 1)) })));
    if (scaffold) parts.push(s("path", { d: scaffold, fill: "var(--card)" }), s("path", { d: scaffold, fill: "url(#net-hatch)", stroke: "var(--scaffold)", "stroke-width": 0.6 }));
    if (born) parts.push(s("path", { d: born, fill: "var(--born)", "fill-opacity": 0.3, stroke: "var(--born)", "stroke-width": 0.6 }));
    parts.push(label(at, 30, step < 80 ? `h${layer.space}` : `hidden ${layer.space}`, "net-name"), label(at, tall - 34, count(layer.width), "net-width"));
    if (layer.scaffold) parts.push(label(at, tall - 18, step < 80 ? `${layer.scaffold} spare` : `${layer.scaffold} scaffold`, "net-small"));
    const [up, down] = recent(run.state, layer.space, now.step);
    const y = Math.max(42, middle - height / 2 - 6);
    if (up > 0) parts.push(s("text", { x: at + (down > 0 ? -4 : 0), y, "text-anchor": down > 0 ? "end" : "middle", class: "net-born" }, `▲ ${count(up)}`));
    if (down > 0) parts.push(s("text", { x: at + (up > 0 ? 4 : 0), y, "text-anchor": up > 0 ? "start" : "middle", class: "net-removed" }, `▼ ${count(down)}`));
  });
  const tasks = now.tasks.slice(0, 4);
  if (tasks.length > 1 || run.state.taskChanges.length > 0) {
    const lives = taskLives(run.state);
    // The colour that it has in the other panels.
    const names = lives.map(nameNow);
    const place = (name: string): number => Math.max(0, names.lastIndexOf(name));
    tasks.forEach((task, i) => {
      const y = middle + outHeight / 2 + 18 + 15 * i;
      parts.push(s("text", { x: width - 2, y, "text-anchor": "end", class: "net-small", opacity: task.active ? 1 : 0.6 },
        `${clip(task.name, 14)}${task.active ? "" : " (rests)"} `, tspan(task.active ? "●" : "○", taskLook(place(task.name)).colour)));
    });
  }
  fill(svg, ...parts);
}

/** How far a layer reaches at a share of its height. */
function sideAt(rows: readonly Row[], share: number): number {
  return rows[Math.min(rows.length - 1, Math.floor(share * rows.length))]?.half ?? 0;
}

function tspan(text: string, colour: string): SVGElement {
  return s("tspan", { fill: colour }, text);
}

function label(x: number, y: number, text: string, kind: string): SVGElement {
  return s("text", { x: x.toFixed(1), y, "text-anchor": "middle", class: kind }, text);
}

function hatch(): SVGElement {
  return s("defs", {}, s("pattern", { id: "net-hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("rect", { width: 2, height: 5, fill: "var(--scaffold)" })));
}

/** Units born and removed shortly before the moment. */
function recent(state: RunState, space: number, step: number): [number, number] {
  const window = Math.max(1, (state.stepsPerEpoch || 100) / 4);
  let up = 0, down = 0;
  for (let i = lastUntil(state.edits, step); i >= 0 && state.edits[i]!.step > step - window; i--) {
    if (state.edits[i]!.space !== space) continue;
    up += state.edits[i]!.born;
    down += state.edits[i]!.removed;
  }
  return [up, down];
}

export const hasSpectra = (state: RunState): boolean => spectraOf(state, 1).length > 0;
