// Which tasks were there, and which of them were trained, as bands over time.
import * as Plot from "@observablehq/plot";
import { timePlot, type Spec } from "../page/chart";
import { reach, shown, taskLook } from "../page/view";
import { clip, count } from "../run/format";
import { nameNow, taskLives, tellsOfTasks } from "../run/tasks";
import { taskWords } from "../run/words";

export function scheduleSpec(): Spec {
  return {
    id: "schedule", title: "Tasks", timed: true, wide: true,
    about: "When each task came and went. A full band: it is trained. A pale band: it is kept, but rests.",
    when: (view) => view.runs.length > 0 && tellsOfTasks(shown(view).state),
    key: (view) => `${view.selected} ${shown(view).state.taskChanges.length} ${shown(view).state.epochs.length} ${shown(view).state.ended} ${reach(view.runs)}`,
    draw(view, width) {
      const { state } = shown(view);
      const lives = taskLives(state);
      const bands = lives.flatMap((life, lane) => life.stretches.map((stretch) => ({ ...stretch, lane: String(lane), index: lane, name: clip(nameNow(life), 28) })));
      const plot = timePlot(width, 58 + 30 * lives.length, reach(view.runs), {
        marginTop: 8, marginLeft: 14,
        y: { type: "band", domain: lives.map((_, lane) => String(lane)), axis: null, padding: 0.2 },
        marks: [
          ...bands.map((band) => Plot.barX([band], {
            x1: "begin", x2: "end", y: "lane", fill: taskLook(band.index).colour, fillOpacity: band.active ? 0.85 : 0.15, stroke: taskLook(band.index).colour, rx: 3,
          })),
          Plot.ruleX(state.taskChanges, { x: "step", stroke: "var(--axis)", strokeDasharray: "3 3" }),
          Plot.text(lives.map((life, lane) => ({ step: life.stretches[0]!.begin, lane: String(lane), name: clip(nameNow(life), 28) })), {
            x: "step", y: "lane", text: "name", textAnchor: "start", dx: 8, fontWeight: 600, fill: "var(--ink)", stroke: "var(--card)", strokeWidth: 4, paintOrder: "stroke",
          }),
          Plot.tip(state.taskChanges, Plot.pointerX({ x: "step", title: (change) => `Step ${count(change.step)}\n${taskWords(change)}`, fill: "var(--card)", stroke: "var(--line)", anchor: "top", lineWidth: 26 })),
        ],
      });
      return {
        plots: [plot],
        legend: [
          { label: "trained", kind: "box", look: taskLook(0) },
          { label: "rests", kind: "band", look: taskLook(0) },
          { label: "a change", look: { colour: "var(--axis)", dash: "3 3" }, kind: "thin" },
        ],
        summary: state.taskChanges.map(taskWords).join(" ") || `${lives.length} tasks from beginning to end.`,
      };
    },
  };
}
