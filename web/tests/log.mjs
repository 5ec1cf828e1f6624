// A small run, made up: two layers, edits, a task that comes and goes, spectra with a threshold, controls.

export function makeRun({ epochs = 4, steps = 10, name = "digits", edits = true, threshold = 0.02, phases = true, end = true, seed = 1 } = {}) {
  const lines = [];
  let seq = 0, random = seed;
  const next = () => ((random = (random * 16807) % 2147483647) / 2147483647);
  const say = (step, epoch, type, fields) => lines.push(JSON.stringify({ v: 1, seq: seq++, step, epoch, time_s: step / 50, type, ...fields }));
  const widths = [64, 8, 8, 10];
  const parameters = () => widths.slice(1).reduce((sum, width, i) => sum + width * (widths[i] + 1), 0);
  let tasks = [{ name, active: true }];
  const perEpoch = steps * 10, all = perEpoch * epochs;
  const spectrum = (step, epoch) => say(step, epoch, "spectrum", {
    spaces: [1, 2].map((space) => ({ space, threshold, values: Array.from({ length: widths[space] }, (_, i) => 3 * Math.exp((-5 * i) / widths[space]) * (1 + 0.1 * next())).sort((a, b) => b - a) })),
  });
  say(0, 0, "start", {
    widths: [...widths], groups: [[8], [8]], parameters: parameters(), data: name, samples: 1000, epochs, steps_per_epoch: perEpoch, steps: all,
    version: "0.1.0", engine: "cpu", threads: 2, tasks, settings: { adaptation: { adapt: true, policy: "effect", tolerance: 0.03, parameter_budget: 0 } },
  });
  spectrum(0, 0);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (let i = 1; i <= steps; i++) {
      const step = (epoch - 1) * perEpoch + i * 10;
      say(step, epoch, "step", { loss: 2.3 * Math.exp(-step / all) + 0.1 * next(), learning_rate: 1e-3 });
      if (edits && i % 4 === 0) {
        const space = 1 + (i % 3 === 0 ? 1 : 0), born = epoch < epochs ? 4 : 0, removed = epoch < epochs ? 0 : 2, before = widths[space];
        widths[space] += born - removed;
        say(step, epoch, "edit", {
          space, kind: born ? "append_group" : "reduce", group: null, before, after: widths[space], born, removed,
          score: born ? 0 : 1e-5, bound: removed ? 0.01 : null, change: removed ? 0.002 : null, why: born ? "2 of 4 scaffold neurons left" : "settling: 2 idle neurons leave",
        });
      }
    }
    const step = epoch * perEpoch, share = epoch / epochs;
    spectrum(step, epoch);
    const score = { train_loss: 2 - share, train_accuracy: 0.5 + 0.4 * share, validation_loss: 2.1 - share, validation_accuracy: 0.48 + 0.4 * share };
    say(step, epoch, "epoch", {
      ...score, tasks: tasks.map((task) => ({ ...task, ...score })), widths: [...widths], groups: [[widths[1]], [widths[2]]], parameters: parameters(),
      learning_rate: 1e-3, scaffold: [3, 2], epochs,
      ...(phases && { phases: { step_s: 1.4 * epoch, adapt_s: 0.1 * epoch, evaluate_s: 0.3 * epoch, checkpoint_s: 0.2 * epoch } }),
    });
    if (epoch === 2) {
      tasks = [...tasks, { name: "shoes", active: true }];
      widths[0] += 64;
      widths[3] += 10;
      say(step, epoch, "task", { action: "append", task: "shoes", to: "", tasks, change: 0, widths: [...widths], parameters: parameters(), steps_per_epoch: perEpoch, steps: all });
    }
    if (epoch === 3) say(step, epoch, "warning", { message: "the loss rose for three epochs" });
  }
  if (end) {
    say(all, epochs, "end", { reason: "finished", widths: [...widths], parameters: parameters(), born: 0, removed: 0, adaptation_s: 0.4, message: "" });
  }
  return lines;
}

/** A run of many events, for what must stay smooth and bounded. */
export function makeLong(events) {
  const lines = makeRun({ epochs: 1, end: false }).slice(0, 2);
  for (let seq = 2; seq < events; seq++) {
    const fields = seq % 20 === 0
      ? { type: "edit", space: 1 + ((seq / 20) % 2), kind: "append", group: 0, before: 8, after: 8 + (seq % 60), born: 2, removed: 1, score: 0.1, bound: null, change: null, why: "long" }
      : { type: "step", loss: 1 + Math.sin(seq / 100) / 3, learning_rate: 1e-3 };
    lines.push(JSON.stringify({ v: 1, seq, step: seq * 2, epoch: 1, time_s: seq / 5, ...fields }));
  }
  return lines;
}
