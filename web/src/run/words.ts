// Events in plain words.
import { clip, count, duration, percent, plural, significant, widthsText } from "./format";
import type { Edit, EpochRow, RunState, TaskChange } from "./state";

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

export function startWords(state: RunState, resumed: boolean): string {
  const on = state.data ? ` on ${clip(state.data, 80)}` : "";
  if (resumed) return `The run goes on from step ${count(state.steps.at(-1)?.step ?? state.firstStep)}${on}.`;
  return `Training begins${on}: hidden widths ${widthsText(state.widths)}, ${plural(state.parameters, "parameter")}, ` +
    `${plural(state.epochsPlanned, "epoch")} planned.`;
}

const KINDS: Record<string, string> = {
  append: "joined its groups",
  append_group: "came in new groups",
  reduce: "left their groups",
  remove_group: "left with their whole groups",
};

export function editWords(edit: Edit): string {
  const where = `Hidden ${edit.space}`;
  const size = `${edit.before} → ${edit.after}`;
  if (edit.born > 0 && edit.removed > 0) {
    return `${where}: ${plural(edit.born, "unit")} born and ${count(edit.removed)} removed (${size}).`;
  }
  if (edit.born > 0) return `${where} grew ${size}: ${plural(edit.born, "unit")} ${KINDS[edit.kind] ?? "born"}.`;
  if (edit.removed > 0) return `${where} shrank ${size}: ${plural(edit.removed, "unit")} ${KINDS[edit.kind] ?? "removed"}.`;
  if (edit.kind === "refit") return `${where}: the weights that read it were fitted anew; its width stays ${edit.after}.`;
  return `${where} was rewritten (${edit.kind || "edit"}), its width stays ${edit.after}.`;
}

/** Why an edit was made and what it did to the outputs. */
export function editReason(edit: Edit): string {
  const parts: string[] = [];
  if (edit.why) parts.push(`Why: ${sentence(edit.why)}`);
  if (edit.change === 0) parts.push("Outputs stayed the same to the last bit.");
  else if (edit.change !== null) parts.push(`Outputs moved by ${percent(edit.change, edit.change < 1e-3 ? 4 : 2)} (measured).`);
  if (edit.bound !== null) parts.push(`At most ${significant(edit.bound)} is proven.`);
  if (edit.change === null && edit.bound === null && edit.born + edit.removed > 0) {
    parts.push(edit.removed === 0 ? "Adding units leaves the outputs as they were." : "The change of the outputs was not measured.");
  }
  if (edit.score !== null && edit.removed > 0) parts.push(`Highest score of those that left: ${significant(edit.score)}.`);
  return parts.join(" ");
}

export function epochWords(row: EpochRow): string {
  const accuracy = row.validationAccuracy ?? row.trainAccuracy;
  const which = row.validationAccuracy !== null ? "validation" : "training";
  const loss = row.validationLoss ?? row.trainLoss;
  const measured = accuracy !== null ? `${which} accuracy ${percent(accuracy)}` : `loss ${significant(loss)}`;
  return `Epoch ${row.epoch} ended: ${measured}, widths ${widthsText(row.widths)}.`;
}

const TASKS: Record<string, (task: string, to: string) => string> = {
  append: (task) => `Task ${task} came`,
  remove: (task) => `Task ${task} went`,
  rename: (task, to) => `Task ${task} is now called ${to}`,
  on: (task) => `Task ${task} is trained again`,
  off: (task) => `Task ${task} rests: kept, but not trained`,
  change: (task) => `Task ${task} changed`,
  freeze: (task) => `${task} is frozen: it no longer changes`,
  thaw: (task) => `${task} is thawed: it is trained again`,
};

export function taskWords(change: TaskChange): string {
  const task = change.task ? `“${clip(change.task, 60)}”` : "The trunk";
  const words = TASKS[change.action]?.(task, `“${clip(change.to, 60)}”`) ?? `Task ${task}: ${change.action}`;
  if (change.change === null) return `${words}.`;
  if (change.change === 0) return `${words}. The outputs of the other tasks stayed the same to the last bit.`;
  return `${words}. Outputs of the other tasks moved by ${significant(change.change, 2)} at most.`;
}

const ACTIONS: Record<string, string> = {
  pause: "Paused", resume: "Resumed", adapt: "An adaptation was asked for", checkpoint: "A checkpoint was asked for",
  stop: "Stopping was asked for", set: "A setting was changed", task: "A switch of a task was asked for",
};

export function controlWords(action: string, what: string): string {
  return sentence(what || ACTIONS[action] || `Control: ${action}`);
}

const REASONS: Record<string, string> = { finished: "The run is finished", stopped: "The run was stopped", diverged: "The run diverged: its losses are no longer numbers" };

export function endWords(state: RunState): string {
  const what = REASONS[state.reason] ?? "The run ended";
  const said = sentence(state.message);
  const message = state.message ? ` ${said[0]!.toUpperCase()}${said.slice(1)}` : "";
  return `${what} after ${duration(state.seconds)}: hidden widths ${widthsText(state.widths)}, ` +
    `${plural(state.parameters, "parameter")}.${message}`;
}
