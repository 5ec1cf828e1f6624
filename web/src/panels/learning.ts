// Parameters, loss and accuracy over steps.
import * as Plot from "@observablehq/plot";
import { timePlot, type Drawing, type LegendEntry, type Spec } from "../page/chart";
import { look, reach, shown, tail, taskLook, type Look, type RunView, type View } from "../page/view";
import { clip, count, percent, short, significant } from "../run/format";
import type { EpochRow, RunState } from "../run/state";
import { nameAt, nameNow, taskLives, tellsOfTasks } from "../run/tasks";
import { changeRules, endLabels, pointerTip, type Named } from "./marks";
import { stairs } from "./widths";

interface Series { name: string; look: Look; points: Named[]; thin?: boolean; area?: boolean }

const TRAINING: Look = { colour: "var(--soft)", words: "var(--soft)", dash: "5 3", symbol: "" };
const VALIDATION: Look = look(1);

function plotOf(view: View, width: number, series: Series[], options: { label: string; low: number; high: number; unit: (value: number) => string; step?: boolean; marks?: Plot.Markish[]; right?: number; height?: number }): SVGSVGElement {
  const height = width < 480 ? 220 : (options.height ?? 260);
  return timePlot(width, height, reach(view.runs), {
    marginRight: options.right ?? 58,
    y: { label: options.label, grid: true, domain: [options.low, options.high], nice: true, ticks: 5, tickFormat: options.step ? short : undefined } as Plot.ScaleOptions,
    marks: [
      ...(options.marks ?? []),
      ...series.filter((one) => one.area).map((one) => Plot.areaY(one.points, { x: "step", y: "value", fill: one.look.colour, fillOpacity: 0.12, curve: options.step ? "step-after" : "linear" })),
      ...series.map((one) => Plot.line(one.points, {
        x: "step", y: (row: Named) => row.value ?? NaN, stroke: one.look.colour, strokeDasharray: one.look.dash || "none",
        strokeWidth: one.thin ? 1.25 : 2.25, strokeOpacity: one.thin ? 0.6 : 1, curve: options.step ? "step-after" : "linear", clip: true,
      })),
      ...series.filter((one) => !one.thin && !options.step && one.points.length <= 30)
        .map((one) => Plot.dot(one.points.filter((row) => row.value !== null), { x: "step", y: "value", fill: one.look.colour, r: 2.5 })),
      ...endLabels(series.filter((one) => !one.thin && one.look !== TRAINING).map((one) => {
        const last = [...one.points].reverse().find((row) => row.value !== null);
        return { at: last && { step: last.step, value: last.value! }, text: last ? options.unit(last.value!) : "", look: one.look };
      }), height, options.low, options.high),
      pointerTip(series.filter((one) => !one.thin).flatMap((one) => one.points), options.unit),
    ],
  });
}

const legendOf = (series: Series[]): LegendEntry[] =>
  series.filter((one) => one.points.length > 0).map((one) => ({ label: one.name, look: one.look, kind: one.thin ? "thin" as const : "line" as const }));

const progress = (view: View): string => view.runs.map((run) => `${run.state.epochs.length}:${run.state.taskChanges.length}:${run.state.ended}:${run.state.resumed}`).join();

export function parametersSpec(): Spec {
  return {
    id: "parameters", title: "Parameters", timed: true,
    about: "How many numbers are trained. They follow the widths; known at the end of each epoch.",
    key: (view) => `${view.selected} ${progress(view)} ${reach(view.runs)} ${view.runs.map((run) => tail(run, reach(view.runs)))}`,
    draw(view, width) {
      const several = view.runs.length > 1;
      const series = view.runs.map((run): Series => ({
        name: several ? clip(run.name, 40) : "parameters", look: look(run.index), area: !several,
        points: stairs(run.state.parameterTrack, tail(run, reach(view.runs))).map((from) => ({ ...from, series: run.name })),
      }));
      const most = Math.max(1, ...series.flatMap((one) => one.points.map((row) => row.value ?? 0)));
      return {
        plots: [plotOf(view, width, series, { label: "numbers", low: 0, high: most, unit: short, step: true, marks: several ? [] : [changeRules(shown(view).state)] })],
        legend: several ? legendOf(series) : [],
        summary: view.runs.map((run) => `${run.name}: from ${count(run.state.firstParameters)} to ${count(run.state.parameters)}.`).join(" "),
      };
    },
  };
}

const points = (rows: readonly EpochRow[], name: string, pick: (row: EpochRow) => number | null, factor = 1): Named[] =>
  rows.map((row) => {
    const value = pick(row);
    return { step: row.step, value: value === null ? null : factor * value, series: `${name}, epoch ${row.epoch}` };
  });

const finite = (series: Series[]): number[] => series.flatMap((one) => one.points.map((row) => row.value)).filter((value): value is number => value !== null);

/** The mean over a few steps each, as many as can be told apart. */
function running(state: RunState): Named[] {
  const bin = Math.ceil(state.steps.length / 240);
  const rows: Named[] = [];
  for (let i = 0; i < state.steps.length; i += bin) {
    const part = state.steps.slice(i, i + bin).filter((row) => row.loss !== null);
    if (part.length === 0) continue;
    rows.push({
      step: part.reduce((sum, row) => sum + row.step, 0) / part.length,
      value: part.reduce((sum, row) => sum + row.loss!, 0) / part.length, series: "mini-batches",
    });
  }
  return rows;
}

function perTask(run: RunView, pick: "Loss" | "Accuracy", factor: number): Series[] {
  return taskLives(run.state).flatMap((life, index): Series[] => {
    const begin = life.stretches[0]!.begin, end = life.stretches[life.stretches.length - 1]!.end;
    const rows = run.state.epochs.filter((row) => row.step > begin && row.step <= end);
    const score = (row: EpochRow, part: "train" | "validation"): number | null =>
      row.tasks.find((task) => task.name === nameAt(life, row.step))?.[`${part}${pick}`] ?? null;
    const name = clip(nameNow(life), 30);
    const validated = rows.some((row) => score(row, "validation") !== null);
    return [
      { name, look: taskLook(index), points: points(rows, name, (row) => score(row, validated ? "validation" : "train"), factor) },
      ...(validated ? [{ name: `${name}, training`, look: taskLook(index), thin: true, points: points(rows, name, (row) => score(row, "train"), factor) }] : []),
    ];
  });
}

const validated = (state: RunState, pick: "Loss" | "Accuracy"): boolean => state.epochs.some((row) => row[`validation${pick}`] !== null);

function byRun(view: View, pick: "Loss" | "Accuracy", factor: number): Series[] {
  return view.runs.map((run) => {
    const part = validated(run.state, pick) ? "validation" : "train";
    const name = clip(run.name, 40);
    return { name: part === "train" ? `${name} (training)` : name, look: look(run.index), points: points(run.state.epochs, name, (row) => row[`${part}${pick}`], factor) };
  });
}

export function lossSpec(): Spec {
  return {
    id: "loss", title: "Loss", timed: true,
    about: "How wrong the network is; lower is better. Validation samples were not trained on.",
    key: (view) => `${view.selected} ${progress(view)} ${reach(view.runs)} ${Math.floor(shown(view).state.steps.length / 8)}`,
    draw(view, width): Drawing {
      const run = shown(view), { state } = run;
      let series: Series[];
      if (view.runs.length > 1) series = byRun(view, "Loss", 1);
      else {
        const batches: Series = { name: "mini-batches", look: { ...TRAINING, dash: "" }, thin: true, points: running(state) };
        const own: Series[] = tellsOfTasks(state) ? perTask(run, "Loss", 1).filter((one) => !one.thin) : [
          { name: "training", look: TRAINING, points: points(state.epochs, "training", (row) => row.trainLoss) },
          ...(validated(state, "Loss") ? [{ name: "validation", look: VALIDATION, points: points(state.epochs, "validation", (row) => row.validationLoss) }] : []),
        ];
        series = [batches, ...own];
      }
      // The first few mini-batches may be far off; the scale is for the rest.
      const batches = finite(series.filter((one) => one.thin)).sort((a, b) => a - b);
      const values = [...finite(series.filter((one) => !one.thin)), ...(batches.length > 0 ? [batches[Math.floor(0.95 * (batches.length - 1))]!] : [])];
      const last = state.epochs.at(-1);
      return {
        plots: values.length > 0 ? [plotOf(view, width, series, { label: "loss", low: Math.min(0, ...values), high: Math.max(1e-9, ...values), unit: (value) => significant(value), marks: view.runs.length > 1 ? [] : [changeRules(state)] })] : [],
        legend: values.length > 0 ? legendOf(series) : [],
        summary: last ? `After epoch ${last.epoch}: training ${significant(last.trainLoss)}, validation ${significant(last.validationLoss)}.` : "No epoch has ended.",
        ...(values.length === 0 && { note: "No loss was measured yet." }),
      };
    },
  };
}

// A narrower axis would make drama of a tenth of a per cent.
const NARROWEST = 4;

export function accuracySpec(): Spec {
  return {
    id: "accuracy", title: "Accuracy", timed: true,
    about: "The share of samples that get the right answer; for each task by itself where there are several.",
    key: (view) => `${view.selected} ${progress(view)} ${reach(view.runs)}`,
    draw(view, width): Drawing {
      const run = shown(view), { state } = run;
      const series: Series[] = view.runs.length > 1 ? byRun(view, "Accuracy", 100) : tellsOfTasks(state) ? perTask(run, "Accuracy", 100) : [
        { name: "training", look: TRAINING, points: points(state.epochs, "training", (row) => row.trainAccuracy, 100) },
        ...(validated(state, "Accuracy") ? [{ name: "validation", look: VALIDATION, points: points(state.epochs, "validation", (row) => row.validationAccuracy, 100) }] : []),
      ];
      const values = finite(series);
      let low = Math.min(...values), high = Math.max(...values);
      if (high - low < NARROWEST) [low, high] = [Math.max(0, (low + high - NARROWEST) / 2), Math.min(100, (low + high + NARROWEST) / 2)];
      const last = state.epochs.at(-1);
      return {
        plots: values.length > 0 ? [plotOf(view, width, series, { label: "%", low, high: Math.min(100, high), unit: (value) => `${value.toFixed(1)} %`, marks: view.runs.length > 1 ? [] : [changeRules(state)], right: 66, ...(view.runs.length === 1 && { height: 330 }) })] : [],
        legend: values.length > 0 ? legendOf(series) : [],
        summary: last ? `After epoch ${last.epoch}: training ${percent(last.trainAccuracy)}, validation ${percent(last.validationAccuracy)}.` : "No epoch has ended.",
        ...(values.length === 0 && { note: state.epochs.length > 0 ? "This run measures no accuracy: it predicts numbers." : "Measured at the end of each epoch." }),
      };
    },
  };
}
