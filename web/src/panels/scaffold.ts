// The buffer of idle units over time.
import * as Plot from "@observablehq/plot";
import { timePlot, type Spec } from "../page/chart";
import { look, reach, shown, tail } from "../page/view";
import { scaffoldOf, spaces, spectraOf } from "../run/moment";
import { endLabels } from "./marks";

export function scaffoldSpec(): Spec {
  return {
    id: "scaffold", title: "Scaffold", timed: true,
    about: "Spare units that each layer keeps at hand. When training puts them to use, new ones are born; when too many fall idle, some leave.",
    key: (view) => `${view.selected} ${shown(view).state.epochs.length} ${shown(view).state.ended} ${reach(view.runs)}`,
    draw(view, width) {
      const run = shown(view), { state } = run;
      const lines = Array.from({ length: spaces(state) }, (_, i) => {
        const measured = spectraOf(state, i + 1);
        const rows = measured.some((row) => row.threshold !== null)
          ? measured.map((row) => ({ step: row.step, value: scaffoldOf(row, undefined) }))
          : state.epochs.map((epoch) => ({ step: epoch.step, value: epoch.scaffold[i] ?? null }));
        return rows.filter((row): row is { step: number; value: number } => row.value !== null);
      });
      if (lines.every((line) => line.length === 0)) {
        const none = state.policy === "fixed" ? "The widths of this run are fixed: it keeps no scaffold."
          : state.policy === "tolerance" ? "The policy “tolerance” keeps no scaffold: it explores wide first and gives back what the outputs do not need."
          : "No scaffold was counted yet.";
        return { plots: [], legend: [], summary: none, note: none };
      }
      const most = Math.max(4, ...lines.flatMap((line) => line.map((row) => row.value)));
      const height = width < 480 ? 190 : 220;
      const domain = reach([run]);
      const ends = lines.map((line) => (line.length > 0 ? [...line, { step: Math.max(tail(run, domain), line.at(-1)!.step), value: line.at(-1)!.value }] : line));
      const plot = timePlot(width, height, domain, {
        y: { label: "idle units", grid: true, domain: [0, most], nice: true, ticks: 5 },
        marginRight: 40,
        marks: [
          Plot.ruleY([0], { stroke: "var(--axis)" }),
          ...ends.map((line, i) => Plot.line(line, { x: "step", y: "value", curve: "step-after", stroke: look(i).colour, strokeDasharray: look(i).dash || "none", strokeWidth: 2.25 })),
          ...endLabels(ends.map((line, i) => ({ at: line.at(-1), text: String(line.at(-1)?.value ?? ""), look: look(i) })), height),
        ],
      });
      return {
        plots: [plot],
        legend: lines.slice(0, 12).map((_, i) => ({ label: `hidden ${i + 1}`, look: look(i) })),
        summary: lines.map((line, i) => `Hidden ${i + 1}: ${line.at(-1)?.value ?? 0} now.`).join(" "),
      };
    },
  };
}
