// Memory has a bound however long a run is: lists are thinned, oldest detail first lost.
import type { From, RunState, SpectrumRow } from "./state";

export const MOST_STEPS = 2048;
export const MOST_EDITS = 6000;
export const MOST_ENTRIES = 3000;
export const MOST_EPOCHS = 6000;
export const MOST_POINTS = 4000;
export const MOST_ROWS = 512;

/** Every second one goes, first and last stay. */
export function thin<T>(list: T[], most: number): void {
  if (list.length <= most) return;
  const last = list.length - 1;
  let kept = 0;
  for (let i = 0; i <= last; i++) {
    if (i % 2 === 0 || i === last) list[kept++] = list[i]!;
  }
  list.length = kept;
}

/** Of each space every second row goes, so that spaces keep the same moments. */
export function thinSpectra(rows: SpectrumRow[]): void {
  const spaces = new Set(rows.map((row) => row.space)).size;
  if (rows.length <= MOST_ROWS * Math.max(1, spaces)) return;
  const seen = new Map<number, number>();
  let kept = 0;
  for (const row of rows) {
    const index = seen.get(row.space) ?? 0;
    seen.set(row.space, index + 1);
    if (index % 2 === 0) rows[kept++] = row;
  }
  rows.length = kept;
}

/** Losses of single steps become means over 2, 4, 8, … of them as the run grows. */
export function addStep(state: RunState, step: number, time: number, loss: number | null, rate: number | null): void {
  const open = state.stepsOpen;
  open.count += 1;
  if (loss !== null) {
    open.loss += loss;
    open.losses += 1;
  }
  const mean = open.losses > 0 ? open.loss / open.losses : null;
  if (open.count === 1) state.steps.push({ step, time, loss: mean, rate });
  else state.steps[state.steps.length - 1] = { step, time, loss: mean, rate };
  if (open.count < state.stepsMerged) return;
  state.stepsOpen = { count: 0, loss: 0, losses: 0 };
  if (state.steps.length < MOST_STEPS) return;
  const merged = [];
  for (let i = 0; i + 1 < state.steps.length; i += 2) {
    const a = state.steps[i]!, b = state.steps[i + 1]!;
    const both = a.loss !== null && b.loss !== null ? (a.loss + b.loss) / 2 : (a.loss ?? b.loss);
    merged.push({ ...b, loss: both });
  }
  state.steps = merged;
  state.stepsMerged *= 2;
}

/** A value that changes at a step: only changes are kept. */
export function addFrom(track: From[], step: number, value: number): void {
  const last = track[track.length - 1];
  if (last && last.value === value) return;
  if (last && last.step === step) last.value = value;
  else track.push({ step, value });
  thin(track, MOST_POINTS);
}
