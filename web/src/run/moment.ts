// The run as it was at a step.
import type { EpochRow, From, RunState, SpectrumRow, TaskState } from "./state";

/** Index of the last entry with a step of at most `step`; -1 where there is none. */
export function lastUntil(list: readonly { step: number }[], step: number): number {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.step <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function valueAt(track: readonly From[] | undefined, step: number): number {
  if (!track || track.length === 0) return 0;
  return track[Math.max(0, lastUntil(track, step))]!.value;
}

export interface LayerMoment {
  space: number;
  width: number;
  /** Singular values, descending; fewer than `width` where units came since they were measured. */
  values: number[];
  /** How many of the weakest are scaffold; null where the rule keeps none or none was counted. */
  scaffold: number | null;
}

export interface Moment {
  step: number;
  epoch: number;
  time: number;
  inputs: number;
  outputs: number;
  layers: LayerMoment[];
  parameters: number;
  tasks: TaskState[];
  last: EpochRow | null;
}

export function spaces(state: RunState): number {
  return Math.max(0, state.widths.length - 2);
}

/** Rows of one space, in order; kept for as long as no row comes. */
const cache = new WeakMap<RunState, { rows: SpectrumRow[]; length: number; by: Map<number, SpectrumRow[]> }>();

export function spectraOf(state: RunState, space: number): SpectrumRow[] {
  let known = cache.get(state);
  const tail = state.spectra[state.spectra.length - 1];
  if (!known || known.rows !== state.spectra || known.length !== state.spectra.length || known.by.get(tail?.space ?? -1)?.at(-1) !== tail) {
    const by = new Map<number, SpectrumRow[]>();
    for (const row of state.spectra) {
      const list = by.get(row.space);
      if (list) list.push(row);
      else by.set(row.space, [row]);
    }
    known = { rows: state.spectra, length: state.spectra.length, by };
    cache.set(state, known);
  }
  return known.by.get(space) ?? [];
}

export function scaffoldOf(row: SpectrumRow | null, counted: number | undefined): number | null {
  if (row && row.threshold !== null) {
    const threshold = row.threshold;
    return row.values.filter((value) => value <= threshold).length;
  }
  return counted ?? null;
}

export function momentAt(state: RunState, step: number): Moment {
  const at = Math.min(Math.max(step, state.firstStep), state.lastStep);
  const epochIndex = lastUntil(state.epochs, at);
  const epoch = epochIndex >= 0 ? state.epochs[epochIndex]! : null;
  const change = lastUntil(state.taskChanges, at);
  const tasks = change >= 0 ? state.taskChanges[change]!.tasks : state.firstTasks;
  const layers: LayerMoment[] = [];
  for (let space = 1; space <= spaces(state); space++) {
    const rows = spectraOf(state, space);
    const row = rows.length > 0 ? rows[Math.max(0, lastUntil(rows, at))]! : null;
    const width = valueAt(state.widthTracks[space - 1], at);
    layers.push({
      space, width,
      values: row ? row.values.slice(0, width) : [],
      scaffold: scaffoldOf(row, epoch?.scaffold[space - 1]),
    });
  }
  const ends = endsAt(state, at);
  return {
    step: at,
    epoch: epoch ? Math.min(epoch.epoch + (at > epoch.step ? 1 : 0), Math.max(epoch.epoch, state.lastEpoch)) : Math.min(1, state.lastEpoch),
    time: timeAt(state, at),
    inputs: ends[0], outputs: ends[1],
    layers,
    parameters: valueAt(state.parameterTrack, at),
    tasks,
    last: epoch,
  };
}

// Inputs and outputs change with tasks only.
function endsAt(state: RunState, step: number): [number, number] {
  const change = lastUntil(state.taskChanges, step);
  const widths = change >= 0 ? state.taskChanges[change]!.widths : state.firstWidths;
  return [widths[0] ?? 0, widths[widths.length - 1] ?? 0];
}

/** Seconds since training began, between the rows that are known. */
export function timeAt(state: RunState, step: number): number {
  if (step >= state.lastStep) return state.seconds;
  const index = lastUntil(state.steps, step);
  const before = index >= 0 ? state.steps[index]! : { step: state.firstStep, time: 0 };
  const after = state.steps[index + 1] ?? { step: state.lastStep, time: state.seconds };
  const span = after.step - before.step;
  return span > 0 ? before.time + ((step - before.step) / span) * (after.time - before.time) : before.time;
}

/** Seconds left by the pace of the last stretch; null where nothing can be said. */
export function secondsLeft(state: RunState): number | null {
  const left = state.stepsPlanned - state.lastStep;
  if (state.ended || state.paused || left <= 0 || state.steps.length < 3) return null;
  const window = Math.max(10, 0.15 * state.seconds);
  let from = state.steps[0]!;
  for (let i = state.steps.length - 1; i >= 0; i--) {
    from = state.steps[i]!;
    if (state.seconds - from.time >= window) break;
  }
  const steps = state.lastStep - from.step, seconds = state.seconds - from.time;
  return steps > 0 && seconds > 0.5 ? (left * seconds) / steps : null;
}

/** The best of the epochs in which the same tasks were trained as in the last: others do not compare. */
export function bestEpoch(state: RunState): EpochRow | null {
  let best: EpochRow | null = null;
  const score = (row: EpochRow) => row.validationAccuracy ?? row.trainAccuracy;
  const trained = (row: EpochRow) => row.tasks.filter((task) => task.active).map((task) => task.name).join("\n");
  const last = state.epochs.at(-1);
  for (const row of state.epochs) {
    if (last && trained(row) !== trained(last)) continue;
    const value = score(row);
    if (value !== null && (best === null || value > (score(best) ?? -1))) best = row;
  }
  return best;
}
