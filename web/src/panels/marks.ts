// Marks that several plots share.
import * as Plot from "@observablehq/plot";
import type { Look } from "../page/view";
import { count } from "../run/format";
import type { RunState } from "../run/state";
import { taskWords } from "../run/words";

/** Dashed lines where tasks came, went or changed. */
export function changeRules(state: RunState): Plot.Markish {
  return Plot.ruleX(state.taskChanges, {
    x: "step", stroke: "var(--axis)", strokeDasharray: "3 3",
    title: (change: RunState["taskChanges"][number]) => `Step ${count(change.step)}: ${taskWords(change)}`,
  });
}

interface EndLabel { at: { step: number; value: number } | undefined; text: string; look: Look }

/** The last values beside the lines, pushed apart where they would lie on each other. */
export function endLabels(labels: EndLabel[], height: number, low = 0, high = 0): Plot.Markish[] {
  const all = labels.filter((label): label is EndLabel & { at: { step: number; value: number } } => label.at !== undefined);
  if (all.length === 0 || all.length > 12) return [];
  const most = Math.max(1e-12, high, ...all.map((label) => label.at.value));
  const sorted = [...all].sort((a, b) => b.at.value - a.at.value);
  const room = height - 70;
  let before = -Infinity;
  return sorted.map((label) => {
    const y = most > low ? (1 - (label.at.value - low) / (most - low)) * room : 0;
    const placed = Math.max(y, before + 14);
    before = placed;
    return Plot.text([label.at], {
      x: "step", y: "value", text: () => label.text, fill: label.look.words, textAnchor: "start", dx: 7, dy: placed - y, fontWeight: 600,
    });
  });
}

export interface Named { step: number; value: number | null; series: string }

/** What a pointer over a plot reads: the nearest values of all lines. */
export function pointerTip(rows: Named[], unit: (value: number) => string): Plot.Markish {
  return Plot.tip(rows.filter((row) => row.value !== null), Plot.pointer({
    x: "step", y: "value", fill: "var(--card)", stroke: "var(--line)",
    title: (row: Named) => `${row.series}\n${unit(row.value!)} at step ${count(row.step)}`,
  }));
}
