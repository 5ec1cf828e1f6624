// What is known of a run, folded from its events. Plain data: the same events give the same JSON.

export type Status = "waiting" | "live" | "paused" | "finished" | "stopped" | "diverged";

export interface StepRow { step: number; time: number; loss: number | null; rate: number | null }

export interface Edit {
  seq: number;
  step: number;
  epoch: number;
  time: number;
  space: number;
  kind: string;
  group: number | null;
  before: number;
  after: number;
  born: number;
  removed: number;
  score: number | null;
  bound: number | null;
  change: number | null;
  why: string;
}

export interface TaskState { name: string; active: boolean }

export interface TaskScore extends TaskState {
  trainLoss: number | null;
  trainAccuracy: number | null;
  validationLoss: number | null;
  validationAccuracy: number | null;
}

export interface Phases { step: number; adapt: number; evaluate: number; checkpoint: number }

export interface EpochRow {
  seq: number;
  step: number;
  epoch: number;
  time: number;
  trainLoss: number | null;
  trainAccuracy: number | null;
  validationLoss: number | null;
  validationAccuracy: number | null;
  tasks: TaskScore[];
  widths: number[];
  parameters: number;
  rate: number | null;
  scaffold: number[];
  phases: Phases | null;
}

export interface SpectrumRow { step: number; space: number; values: number[]; threshold: number | null }

export interface TaskChange {
  seq: number;
  step: number;
  epoch: number;
  action: string;
  task: string;
  to: string;
  change: number | null;
  tasks: TaskState[];
  widths: number[];
  parameters: number;
}

export type Kind = "start" | "edit" | "epoch" | "task" | "control" | "checkpoint" | "warning" | "end";

export interface Entry { seq: number; step: number; epoch: number; time: number; kind: Kind; text: string }

/** A value from a step on. */
export interface From { step: number; value: number }

export interface RunState {
  started: boolean;
  ended: boolean;
  reason: string;
  message: string;
  paused: boolean;
  data: string;
  version: string;
  engine: string;
  threads: number;
  samples: number;
  policy: string;
  tolerance: number | null;
  parameterBudget: number | null;
  firstStep: number;
  firstWidths: number[];
  firstParameters: number;
  firstTasks: TaskState[];
  tasksNow: TaskState[];
  widths: number[];
  parameters: number;
  epochsPlanned: number;
  stepsPerEpoch: number;
  stepsPlanned: number;
  lastSeq: number;
  lastStep: number;
  lastEpoch: number;
  seconds: number;
  events: number;
  missing: number;
  unreadable: string;
  resumed: number;
  born: number;
  removed: number;
  adaptationSeconds: number | null;
  steps: StepRow[];
  stepsMerged: number;
  stepsOpen: { count: number; loss: number; losses: number };
  edits: Edit[];
  epochs: EpochRow[];
  spectra: SpectrumRow[];
  taskChanges: TaskChange[];
  widthTracks: From[][];
  parameterTrack: From[];
  entries: Entry[];
}

export function emptyState(): RunState {
  return {
    started: false, ended: false, reason: "", message: "", paused: false,
    data: "", version: "", engine: "", threads: 0, samples: 0, policy: "", tolerance: null, parameterBudget: null,
    firstStep: 0, firstWidths: [], firstParameters: 0, firstTasks: [], tasksNow: [],
    widths: [], parameters: 0, epochsPlanned: 0, stepsPerEpoch: 0, stepsPlanned: 0,
    lastSeq: -1, lastStep: 0, lastEpoch: 0, seconds: 0, events: 0, missing: 0, unreadable: "", resumed: 0,
    born: 0, removed: 0, adaptationSeconds: null,
    steps: [], stepsMerged: 1, stepsOpen: { count: 0, loss: 0, losses: 0 },
    edits: [], epochs: [], spectra: [], taskChanges: [], widthTracks: [], parameterTrack: [], entries: [],
  };
}

export function statusOf(state: RunState): Status {
  if (state.ended) {
    return state.reason === "diverged" ? "diverged" : state.reason === "stopped" ? "stopped" : "finished";
  }
  if (!state.started) return "waiting";
  return state.paused ? "paused" : "live";
}
