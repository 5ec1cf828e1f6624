// Where the time went.
import * as Plot from "@observablehq/plot";
import { timePlot, type Spec } from "../page/chart";
import { look, reach, shown } from "../page/view";
import { duration } from "../run/format";
import type { Phases } from "../run/state";

const NAMES: Record<keyof Phases, string> = { step: "training steps", evaluate: "evaluation", adapt: "adaptation", checkpoint: "checkpoints" };
const ORDER: (keyof Phases)[] = ["step", "evaluate", "adapt", "checkpoint"];
const LOOKS = [look(0), look(2), look(1), look(3)];

export function phasesSpec(): Spec {
  return {
    id: "phases", title: "Where the time goes", timed: true,
    about: "Seconds since training began, one layer on the other; the legend goes from the bottom up.",
    key: (view) => `${view.selected} ${shown(view).state.epochs.length} ${reach(view.runs)}`,
    draw(view, width) {
      const { state } = shown(view);
      const known = state.epochs.filter((epoch) => epoch.phases !== null);
      if (known.length === 0) {
        const adapting = state.adaptationSeconds !== null ? ` Adaptation took ${duration(state.adaptationSeconds)} of ${duration(state.seconds)}.` : "";
        const note = (state.epochs.length > 0 ? "This log does not tell the time of each phase: an older version wrote it." : "Told at the end of each epoch.") + adapting;
        return { plots: [], legend: [], summary: note, note };
      }
      const rows = known.flatMap((epoch) => ORDER.map((phase) => ({ step: epoch.step, phase, seconds: epoch.phases![phase] })));
      const begin = ORDER.map((phase) => ({ step: state.firstStep, phase, seconds: 0 }));
      const last = known[known.length - 1]!.phases!;
      const sum = ORDER.reduce((total, phase) => total + last[phase], 0) || 1;
      const plot = timePlot(width, width < 480 ? 190 : 220, reach([shown(view)]), {
        y: { label: "seconds", grid: true, nice: true, ticks: 5 },
        color: { domain: ORDER, range: LOOKS.map((one) => one.colour) },
        marks: [
          Plot.areaY([...begin, ...rows], { x: "step", y: "seconds", z: "phase", fill: "phase", order: ORDER, fillOpacity: 0.8, stroke: "var(--card)", strokeWidth: 1 }),
          Plot.ruleY([0], { stroke: "var(--axis)" }),
        ],
      });
      return {
        plots: [plot],
        legend: ORDER.map((phase, i) => ({ label: `${NAMES[phase]} ${duration(last[phase])} (${Math.round((100 * last[phase]) / sum)} %)`, kind: "box" as const, look: LOOKS[i]! })),
        summary: ORDER.map((phase) => `${NAMES[phase]} ${duration(last[phase])}`).join(", "),
      };
    },
  };
}
