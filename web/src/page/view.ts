// What all panels look at, and the looks of series: a colour and a dash pattern each, never colour alone.
import type { RunInfo } from "../net/api";
import type { Link } from "../net/follow";
import type { Lines } from "../run/lines";
import type { RunState } from "../run/state";

export interface RunView extends RunInfo {
  index: number;
  state: RunState;
  link: Link;
  lines: Lines;
}

export interface View {
  version: string;
  runs: RunView[];
  /** The run that panels of one run show. */
  selected: number;
  /** The moment that is looked at; every run as it was there. */
  step: number;
  following: boolean;
  recorded: boolean;
}

export const shown = (view: View): RunView => view.runs[view.selected] ?? view.runs[0]!;

export interface Look { colour: string; words: string; dash: string; symbol: string }

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "5 2", "12 4"];
const SYMBOLS = ["●", "■", "▲", "◆", "✚", "★"];

export const look = (index: number): Look => ({
  colour: `var(--s${index % 6})`,
  words: `var(--t${index % 6})`,
  // Beyond six the colours come again, with other dashes.
  dash: DASHES[(index + Math.floor(index / 6)) % DASHES.length]!,
  symbol: SYMBOLS[index % SYMBOLS.length]!,
});

// Tasks begin elsewhere in the palette, so that a task is not mistaken for a layer.
export const taskLook = (index: number): Look => ({ ...look(index), colour: `var(--s${(index + 2) % 6})`, words: `var(--t${(index + 2) % 6})` });

// The end that is planned, or a half, a quarter … of the way there while a run has come less far: axes that rarely change.
function inSight({ ended, lastStep, stepsPlanned, stepsPerEpoch }: RunState): number {
  let end = ended ? 0 : stepsPlanned;
  while (end / 2 > Math.max(lastStep, stepsPerEpoch)) end /= 2;
  return end;
}

/** From which step to which the plots reach. */
export function reach(views: readonly RunView[]): [number, number] {
  let low = Infinity, high = 1;
  for (const { state } of views) {
    if (!state.started) continue;
    low = Math.min(low, state.firstStep);
    high = Math.max(high, state.lastStep, inSight(state));
  }
  return [Number.isFinite(low) ? low : 0, Math.max(high, (Number.isFinite(low) ? low : 0) + 1)];
}

/** As far as a run has come, in steps that a plot can show. */
export function tail(view: RunView, [low, high]: [number, number]): number {
  const grain = Math.max(1, (high - low) / 400);
  return view.state.ended ? view.state.lastStep : Math.floor(view.state.lastStep / grain) * grain;
}
