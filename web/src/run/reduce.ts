// From events to the state of a run. `replay` is a pure function; `apply` is one step of it, in place, as a run may
// have tens of thousands.
import { addFrom, addStep, MOST_EDITS, MOST_ENTRIES, MOST_EPOCHS, thin, thinSpectra } from "./bounds";
import { flag, int, num, numbers, object, objects, str, type LogEvent } from "./events";
import { emptyState, type Edit, type EpochRow, type Kind, type RunState, type TaskState } from "./state";
import { controlWords, editWords, endWords, epochWords, startWords, taskWords } from "./words";

export function replay(events: readonly LogEvent[]): RunState {
  const state = emptyState();
  for (const event of events) apply(state, event);
  return state;
}

export function apply(state: RunState, event: LogEvent): void {
  if (event.seq <= state.lastSeq) return; // a line that came twice
  state.missing += event.seq - state.lastSeq - 1;
  if (Object.hasOwn(READERS, event.type)) READERS[event.type]!(state, event);
  state.lastSeq = event.seq;
  state.lastStep = event.step;
  state.lastEpoch = event.epoch;
  state.seconds = event.time_s;
  state.events += 1;
}

function note(state: RunState, event: LogEvent, kind: Kind, text: string): void {
  state.entries.push({ seq: event.seq, step: event.step, epoch: event.epoch, time: event.time_s, kind, text });
  if (state.entries.length > MOST_ENTRIES) state.entries.splice(0, MOST_ENTRIES / 4);
}

function tasksOf(event: LogEvent): TaskState[] {
  return objects(event, "tasks").slice(0, 200).map((task) => ({ name: str(task, "name"), active: flag(task, "active", true) }));
}

function setWidths(state: RunState, step: number, widths: number[]): void {
  if (widths.length === 0) return;
  state.widths = widths;
  for (let space = 1; space + 1 < widths.length; space++) {
    addFrom((state.widthTracks[space - 1] ??= []), step, widths[space]!);
  }
}

function setParameters(state: RunState, step: number, parameters: number): void {
  if (parameters <= 0) return;
  state.parameters = parameters;
  addFrom(state.parameterTrack, step, parameters);
}

function addStart(state: RunState, event: LogEvent): void {
  const first = !state.started || event.step <= state.firstStep;
  if (state.started) {
    // Resumed from a checkpoint: what came after it was undone.
    const kept = <T extends { step: number }>(list: T[]): T[] => list.filter((entry) => entry.step <= event.step);
    state.steps = kept(state.steps);
    state.stepsOpen = { count: 0, loss: 0, losses: 0 };
    state.stepsMerged = Math.max(1, state.stepsMerged);
    state.edits = kept(state.edits);
    state.epochs = kept(state.epochs);
    state.spectra = kept(state.spectra);
    state.taskChanges = kept(state.taskChanges);
    state.widthTracks = state.widthTracks.map(kept);
    state.parameterTrack = kept(state.parameterTrack);
    state.born = state.edits.reduce((sum, edit) => sum + edit.born, 0);
    state.removed = state.edits.reduce((sum, edit) => sum + edit.removed, 0);
    state.resumed += 1;
  }
  if (first) {
    state.firstStep = event.step;
    state.firstWidths = numbers(event, "widths");
    state.firstParameters = int(event, "parameters");
    state.firstTasks = tasksOf(event);
    state.data = str(event, "data");
    state.samples = int(event, "samples");
  }
  const resumed = state.started;
  state.started = true;
  state.ended = false;
  state.paused = false;
  state.reason = state.message = "";
  state.version = str(event, "version");
  state.engine = str(event, "engine");
  state.threads = int(event, "threads");
  state.epochsPlanned = int(event, "epochs");
  state.stepsPerEpoch = int(event, "steps_per_epoch");
  state.stepsPlanned = int(event, "steps", state.epochsPlanned * state.stepsPerEpoch);
  const settings = object(event, "settings");
  const adaptation = settings && object(settings, "adaptation");
  if (adaptation) {
    state.policy = flag(adaptation, "adapt", true) ? str(adaptation, "policy") : "fixed";
    state.tolerance = num(adaptation, "tolerance");
    state.parameterBudget = num(adaptation, "parameter_budget");
  }
  state.tasksNow = tasksOf(event);
  setWidths(state, event.step, numbers(event, "widths"));
  setParameters(state, event.step, int(event, "parameters"));
  note(state, event, "start", startWords(state, resumed));
}

function addEdit(state: RunState, event: LogEvent): void {
  const space = int(event, "space");
  const before = int(event, "before"), born = int(event, "born"), removed = int(event, "removed");
  const edit: Edit = {
    seq: event.seq, step: event.step, epoch: event.epoch, time: event.time_s,
    space, kind: str(event, "kind"), group: num(event, "group"),
    before, after: int(event, "after", before + born - removed), born, removed,
    score: num(event, "score"), bound: num(event, "bound"), change: num(event, "change"), why: str(event, "why"),
  };
  if (space >= 1 && space + 1 < state.widths.length) {
    state.widths = state.widths.slice();
    state.widths[space] = edit.after;
    addFrom((state.widthTracks[space - 1] ??= []), event.step, edit.after);
  }
  state.born += born;
  state.removed += removed;
  state.edits.push(edit);
  if (state.edits.length > MOST_EDITS) state.edits.splice(0, MOST_EDITS / 4);
  note(state, event, "edit", editWords(edit));
}

function addEpoch(state: RunState, event: LogEvent): void {
  const phases = object(event, "phases");
  const row: EpochRow = {
    seq: event.seq, step: event.step, epoch: event.epoch, time: event.time_s,
    trainLoss: num(event, "train_loss"), trainAccuracy: num(event, "train_accuracy"),
    validationLoss: num(event, "validation_loss"), validationAccuracy: num(event, "validation_accuracy"),
    tasks: objects(event, "tasks").slice(0, 200).map((task) => ({
      name: str(task, "name"), active: flag(task, "active", true),
      trainLoss: num(task, "train_loss"), trainAccuracy: num(task, "train_accuracy"),
      validationLoss: num(task, "validation_loss"), validationAccuracy: num(task, "validation_accuracy"),
    })),
    widths: numbers(event, "widths"), parameters: int(event, "parameters"),
    rate: num(event, "learning_rate"), scaffold: numbers(event, "scaffold"),
    phases: phases && {
      step: num(phases, "step_s") ?? 0, adapt: num(phases, "adapt_s") ?? 0,
      evaluate: num(phases, "evaluate_s") ?? 0, checkpoint: num(phases, "checkpoint_s") ?? 0,
    },
  };
  setWidths(state, event.step, row.widths);
  setParameters(state, event.step, row.parameters);
  const planned = int(event, "epochs");
  if (planned > 0) state.epochsPlanned = planned;
  note(state, event, "epoch", epochWords(row));
  state.epochs.push(row);
  thin(state.epochs, MOST_EPOCHS);
}

function addTask(state: RunState, event: LogEvent): void {
  const change = {
    seq: event.seq, step: event.step, epoch: event.epoch,
    action: str(event, "action"), task: str(event, "task"), to: str(event, "to"),
    change: num(event, "change"), tasks: tasksOf(event),
    widths: numbers(event, "widths"), parameters: int(event, "parameters"),
  };
  state.tasksNow = change.tasks;
  setWidths(state, event.step, change.widths);
  setParameters(state, event.step, change.parameters);
  state.stepsPerEpoch = int(event, "steps_per_epoch", state.stepsPerEpoch);
  state.stepsPlanned = int(event, "steps", state.stepsPlanned);
  state.taskChanges.push(change);
  thin(state.taskChanges, MOST_EPOCHS);
  note(state, event, "task", taskWords(change));
}

function addControl(state: RunState, event: LogEvent): void {
  const action = str(event, "action");
  if (action === "pause") state.paused = true;
  if (action === "resume") state.paused = false;
  state.tolerance = num(event, "tolerance") ?? state.tolerance;
  state.parameterBudget = num(event, "parameter_budget") ?? state.parameterBudget;
  note(state, event, "control", controlWords(action, str(event, "what")));
}

const READERS: Record<string, (state: RunState, event: LogEvent) => void> = {
  start: addStart,
  step: (state, event) => addStep(state, event.step, event.time_s, num(event, "loss"), num(event, "learning_rate")),
  edit: addEdit,
  epoch: addEpoch,
  task: addTask,
  control: addControl,
  spectrum: (state, event) => {
    for (const entry of objects(event, "spaces")) {
      const values = numbers(entry, "values");
      state.spectra.push({ step: event.step, space: int(entry, "space"), values, threshold: num(entry, "threshold") });
    }
    thinSpectra(state.spectra);
  },
  checkpoint: (state, event) => {
    const megabytes = (int(event, "bytes") / 1e6).toFixed(1);
    note(state, event, "checkpoint", `Kept in a checkpoint of ${megabytes} MB.`);
  },
  warning: (state, event) => note(state, event, "warning", str(event, "message")),
  end: (state, event) => {
    state.ended = true;
    state.paused = false;
    state.reason = str(event, "reason");
    state.message = str(event, "message");
    state.adaptationSeconds = num(event, "adaptation_s");
    setWidths(state, event.step, numbers(event, "widths"));
    setParameters(state, event.step, int(event, "parameters"));
    note(state, event, "end", endWords(state));
  },
};
