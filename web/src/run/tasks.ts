// When each task was there, and when it was trained.
import type { RunState, TaskState } from "./state";

export interface Stretch { begin: number; end: number; active: boolean }

export interface TaskLife {
  names: { step: number; name: string }[];
  stretches: Stretch[];
  removed: boolean;
}

export const nameNow = (life: TaskLife): string => life.names[life.names.length - 1]!.name;

/** The name that an epoch which ends at `step` calls the task by. */
export function nameAt(life: TaskLife, step: number): string {
  let name = life.names[0]!.name;
  for (const entry of life.names) if (entry.step < step) name = entry.name;
  return name;
}

export function taskLives(state: RunState): TaskLife[] {
  const lives: TaskLife[] = [];
  const begin = (task: TaskState, step: number): void => {
    lives.push({
      names: [{ step, name: task.name }],
      stretches: [{ begin: step, end: step, active: task.active }],
      removed: false,
    });
  };
  for (const task of state.firstTasks) begin(task, state.firstStep);
  for (const change of state.taskChanges) {
    const there = lives.filter((life) => !life.removed);
    if (change.action === "rename") {
      for (const life of there) {
        if (nameNow(life) === change.task) life.names.push({ step: change.step, name: change.to });
      }
    }
    for (const life of there) {
      const stretch = life.stretches[life.stretches.length - 1]!;
      stretch.end = change.step;
      const now = change.tasks.find((task) => task.name === nameNow(life));
      life.removed = now === undefined;
      if (now && now.active !== stretch.active) life.stretches.push({ begin: change.step, end: change.step, active: now.active });
    }
    for (const task of change.tasks) {
      if (!lives.some((life) => !life.removed && nameNow(life) === task.name)) begin(task, change.step);
    }
  }
  for (const life of lives) {
    if (!life.removed) life.stretches[life.stretches.length - 1]!.end = state.lastStep;
  }
  return lives;
}

export const tellsOfTasks = (state: RunState): boolean =>
  state.taskChanges.length > 0 || state.firstTasks.length > 1;
