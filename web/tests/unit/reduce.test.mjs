import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLong, makeRun } from "../log.mjs";
import { MOST_EDITS, MOST_STEPS } from "../../src/run/bounds.ts";
import { asEvent, parseLine } from "../../src/run/events.ts";
import { momentAt, secondsLeft } from "../../src/run/moment.ts";
import { apply, replay } from "../../src/run/reduce.ts";
import { emptyState, statusOf } from "../../src/run/state.ts";
import { nameNow, taskLives } from "../../src/run/tasks.ts";
import { editReason, editWords } from "../../src/run/words.ts";

const events = (lines) => lines.map(parseLine);
const event = (seq, step, type, fields = {}) => ({ v: 1, seq, step, epoch: 1, time_s: step / 10, type, ...fields });

test("a whole run gives widths, parameters, scores and an end", () => {
  const state = replay(events(makeRun()));
  assert.equal(statusOf(state), "finished");
  assert.equal(state.epochs.length, 4);
  assert.deepEqual(state.widths.length, 4);
  assert.equal(state.born, 24);
  assert.equal(state.removed, 4);
  assert.equal(state.missing, 0);
  assert.equal(state.policy, "effect");
  assert.deepEqual(state.epochs[0].phases, { step: 1.4, adapt: 0.1, evaluate: 0.3, checkpoint: 0.2 });
  assert.equal(state.widthTracks.length, 2);
  assert.equal(state.widthTracks[0].at(-1).value, state.widths[1]);
});

test("lines that come twice change nothing, and missing ones are counted", () => {
  const all = events(makeRun());
  const twice = emptyState();
  for (const one of [...all.slice(0, 20), ...all.slice(10, 30), ...all.slice(25)]) apply(twice, one);
  assert.deepEqual(twice, replay(all));
  const torn = replay([...all.slice(0, 5), ...all.slice(8)]);
  assert.equal(torn.missing, 3);
});

test("the same events in pieces give the same state", () => {
  const all = events(makeRun({ seed: 7 }));
  const state = emptyState();
  for (const one of all) apply(state, one);
  assert.equal(JSON.stringify(state), JSON.stringify(replay(all)));
});

test("a further start undoes what came after its checkpoint", () => {
  const all = events(makeRun({ end: false }));
  const at = all.findIndex((one) => one.type === "epoch" && one.epoch === 3);
  const checkpoint = all[at].step;
  const resumed = replay([...all, { ...all[0], seq: all.length, step: checkpoint, epoch: 3, time_s: 6 }]);
  assert.equal(resumed.epochs.length, 3);
  assert.ok(resumed.edits.every((edit) => edit.step <= checkpoint));
  assert.ok(resumed.steps.every((row) => row.step <= checkpoint));
  assert.equal(resumed.resumed, 1);
  assert.equal(resumed.born, 24);
  assert.equal(resumed.firstStep, 0);
  assert.equal(statusOf(resumed), "live");
});

test("pause, resume and settings come from control events only", () => {
  const state = replay([event(0, 0, "start", { widths: [4, 2, 2] }), event(1, 5, "control", { action: "pause", what: "paused by the page" })]);
  assert.equal(statusOf(state), "paused");
  assert.equal(state.entries.at(-1).text, "paused by the page.");
  apply(state, event(2, 5, "control", { action: "set", what: "tolerance 0.05", tolerance: 0.05 }));
  apply(state, event(3, 5, "control", { action: "resume", what: "" }));
  assert.equal(statusOf(state), "live");
  assert.equal(state.tolerance, 0.05);
  apply(state, event(4, 6, "end", { reason: "diverged" }));
  assert.equal(statusOf(state), "diverged");
});

test("memory is bounded: losses are merged, edits and entries cut", () => {
  const state = replay(events(makeLong(150_000)));
  assert.ok(state.steps.length <= MOST_STEPS);
  assert.ok(state.stepsMerged >= 64);
  assert.ok(state.edits.length <= MOST_EDITS);
  assert.equal(state.born, 2 * Math.floor((150_000 - 1) / 20));
  assert.ok(JSON.stringify(state).length < 5e6);
  const mean = state.steps.reduce((sum, row) => sum + row.loss, 0) / state.steps.length;
  assert.ok(Math.abs(mean - 1) < 0.05, `merging keeps the mean, not ${mean}`);
});

test("hostile and unknown lines do no harm", () => {
  assert.throws(() => parseLine("{"), /no JSON/);
  assert.throws(() => parseLine("[1]"), /no JSON object/);
  assert.throws(() => asEvent({ v: 2 }), /format 2/);
  const state = replay([
    event(0, 0, "start", { widths: "no", tasks: [1, null, { name: 3 }], settings: [], data: { a: 1 } }),
    event(1, 1, "edit", { space: 99, before: null, born: "x" }), event(2, 1, "spectrum", { spaces: [{ space: 1, values: [null, "a"] }, 7] }),
    event(3, 1, "epoch", { tasks: {}, widths: null, phases: 3 }), event(4, 1, "toString", {}), event(5, 1, "new-type", {}), event(6, 1, "__proto__", {}),
  ]);
  assert.equal(state.events, 7);
  assert.doesNotThrow(() => momentAt(state, 1));
});

test("the moment has the widths, the spectrum and the tasks of then", () => {
  const state = replay(events(makeRun()));
  const early = momentAt(state, 0), middle = momentAt(state, 150), late = momentAt(state, 1e9);
  assert.deepEqual(early.layers.map((layer) => layer.width), [8, 8]);
  assert.equal(early.inputs, 64);
  assert.ok(middle.layers[0].width > 8);
  assert.ok(middle.layers[0].values.length <= middle.layers[0].width);
  assert.equal(late.inputs, 128);
  assert.equal(late.tasks.length, 2);
  assert.equal(late.layers[0].width, state.widths[1]);
  assert.equal(late.time, state.seconds);
  assert.equal(late.layers[0].scaffold, late.layers[0].values.filter((value) => value <= 0.02).length);
});

test("the lives of tasks: appended, renamed, resting, removed", () => {
  const on = (name, active = true) => ({ name, active });
  const state = replay([
    event(0, 0, "start", { widths: [4, 2, 2], tasks: [on("a")] }),
    event(1, 10, "task", { action: "append", task: "b", tasks: [on("a"), on("b")] }),
    event(2, 20, "task", { action: "rename", task: "a", to: "c", tasks: [on("c"), on("b")] }),
    event(3, 30, "task", { action: "off", task: "b", tasks: [on("c"), on("b", false)] }),
    event(4, 40, "task", { action: "remove", task: "c", tasks: [on("b", false)] }),
    event(5, 50, "step", { loss: 1 }),
  ]);
  const lives = taskLives(state);
  assert.deepEqual(lives.map(nameNow), ["c", "b"]);
  assert.equal(lives[0].removed, true);
  assert.deepEqual(lives[0].stretches, [{ begin: 0, end: 40, active: true }]);
  assert.deepEqual(lives[1].stretches, [{ begin: 10, end: 30, active: true }, { begin: 30, end: 50, active: false }]);
});

test("edits in words, and time left", () => {
  const state = replay(events(makeRun()));
  assert.equal(editWords(state.edits[0]), "Hidden 1 grew 8 → 12: 4 units came in new groups.");
  assert.match(editReason(state.edits[0]), /Why: 2 of 4 scaffold neurons left\. Adding units/);
  assert.match(editReason(state.edits.at(-1)), /moved by 0\.20 % \(measured\)\. At most 0\.01 is proven/);
  assert.equal(secondsLeft(state), null);
  const half = replay(events(makeRun({ end: false })).slice(0, 40));
  const left = secondsLeft(half);
  assert.ok(Math.abs(left - (400 - half.lastStep) / 50) < 0.2, String(left));
});
