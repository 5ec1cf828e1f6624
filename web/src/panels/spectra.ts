// Singular values of each layer over time, as heat maps: a column for each moment, the strongest unit on top.
import * as Plot from "@observablehq/plot";
import { timePlot, type Spec } from "../page/chart";
import { reach, shown, tail } from "../page/view";
import { significant } from "../run/format";
import { lastUntil, scaffoldOf, spaces, spectraOf } from "../run/moment";
import type { RunState, SpectrumRow } from "../run/state";
import { strength, strengthScale, type StrengthScale } from "../run/strength";

const COLUMNS = 160, ROWS = 90, MOST = 6;

export function spectraSpec(): Spec {
  return {
    id: "spectra", title: "Strength of every unit over time", timed: true, wide: true,
    about: "Singular values of each layer: how strongly each unit is driven. One column for each moment, the strongest unit on top. " +
      "Below the dashed line lies the scaffold.",
    key: (view) => `${view.selected} ${shown(view).state.spectra.length} ${shown(view).state.spectra.at(-1)?.step} ${shown(view).state.ended} ${reach(view.runs)} ${document.documentElement.dataset["theme"] ?? ""}`,
    draw(view, width) {
      const run = shown(view), { state } = run;
      const domain = reach([run]), end = tail(run, domain);
      const all = spaces(state), chosen = choose(all).filter((space) => spectraOf(state, space).length > 0);
      const scale = strengthScale(state.spectra);
      if (chosen.length === 0) return { plots: [], legend: [], summary: "", note: "No spectrum was measured yet." };
      const columns = Math.min(chosen.length, width > 1000 ? 3 : width > 620 ? 2 : 1);
      const each = Math.floor((width - 14 * (columns - 1)) / columns);
      let scaffold = false;
      const plots = chosen.map((space) => {
        const rows = spectraOf(state, space);
        const most = Math.max(1, ...rows.map((row) => row.values.length));
        const edge = rows.map((row) => ({ step: row.step, value: row.values.length - (scaffoldAt(state, row) ?? 0), any: (scaffoldAt(state, row) ?? 0) > 0 })).filter((row) => row.any);
        scaffold ||= edge.length > 0;
        const { cells, w, h } = picture(rows, most, scale, domain[0], end);
        return timePlot(each, width < 480 ? 200 : 240, domain, {
          y: { domain: [most, 0], label: `units of hidden ${space}`, ticks: 5 },
          color: { type: "linear", domain: [0, 1, 2, 3, 4, 5, 6, 7], range: Array.from({ length: 8 }, (_, i) => `var(--r${i})`).map(resolved) },
          marks: [
            Plot.raster(cells, { width: w, height: h, x1: domain[0], x2: Math.max(end, domain[0] + 1), y1: 0, y2: most, imageRendering: "pixelated" }),
            Plot.line(edge, { x: "step", y: "value", curve: "step-after", stroke: "var(--card)", strokeWidth: 3.5 }),
            Plot.line(edge, { x: "step", y: "value", curve: "step-after", stroke: "var(--scaffold)", strokeWidth: 1.75, strokeDasharray: "5 3" }),
          ],
        });
      });
      const hiddenOnes = all > chosen.length ? ` ${chosen.length} of ${all} layers are shown.` : "";
      return {
        plots,
        legend: [
          { label: `strong (${significant(scale.high, 2)})`, kind: "box", look: { colour: "var(--r7)" } },
          { label: significant(Math.sqrt(scale.low * scale.high), 2), kind: "box", look: { colour: "var(--r4)" } },
          { label: `weak (${significant(scale.low, 2)} or less)`, kind: "box", look: { colour: "var(--r0)" } },
          ...(scaffold ? [{ label: "scaffold begins", look: { colour: "var(--scaffold)", dash: "5 3" } }] : []),
        ],
        summary: `Largest value ${significant(scale.high)}.${hiddenOnes}`,
        ...(hiddenOnes && { note: hiddenOnes.trim() }),
      };
    },
  };
}

function scaffoldAt(state: RunState, row: SpectrumRow): number | null {
  // The epoch that this spectrum was measured with stands at the same step.
  const index = lastUntil(state.epochs, row.step);
  return scaffoldOf(row, state.epochs[index]?.scaffold[row.space - 1]);
}

/** First, last and some between. */
function choose(all: number): number[] {
  if (all <= MOST) return Array.from({ length: all }, (_, i) => i + 1);
  return Array.from({ length: MOST }, (_, i) => 1 + Math.round((i * (all - 1)) / (MOST - 1)));
}

function picture(rows: readonly SpectrumRow[], most: number, scale: StrengthScale, begin: number, end: number): { cells: number[]; w: number; h: number } {
  const w = Math.max(1, Math.min(COLUMNS, 4 * rows.length)), h = Math.min(ROWS, most);
  const cells = new Array<number>(w * h).fill(NaN);
  for (let column = 0; column < w; column++) {
    const row = rows[lastUntil(rows, begin + ((column + 0.5) / w) * (end - begin))];
    if (!row) continue;
    for (let line = 0; line < h; line++) {
      const from = Math.floor((line * most) / h), to = Math.max(from + 1, Math.floor(((line + 1) * most) / h));
      let sum = 0, known = 0;
      for (let unit = from; unit < to && unit < row.values.length; unit++, known++) sum += row.values[unit]!;
      if (known === 0) continue;
      cells[line * w + column] = 7 * strength(sum / known, scale);
    }
  }
  return { cells, w, h };
}

// Pixels need the colour itself, not the name of a variable.
function resolved(colour: string): string {
  const name = /^var\((.*)\)$/.exec(colour)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888" : colour;
}
