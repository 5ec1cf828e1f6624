// What can be asked of a run that is under way. Everything is done by the run itself, which then says so in its log.
import { send, Unauthorised, type Order } from "../net/api";
import { fill, h, setText } from "../page/dom";
import { shown, type View } from "../page/view";
import { clip } from "../run/format";
import { statusOf } from "../run/state";
import type { SidePanel } from "./edits";

export function controlsPanel(unauthorised: () => void): SidePanel {
  const said = h("p", { class: "said", role: "status", "aria-live": "polite" });
  let run = -1, known = "";

  async function ask(order: Order, button?: HTMLButtonElement): Promise<void> {
    if (button) button.disabled = true;
    said.className = "said";
    setText(said, "Asking …");
    try {
      setText(said, await send(run, order));
    } catch (error) {
      said.className = "said error";
      const refusal = error instanceof Error ? error.message : String(error);
      setText(said, refusal);
      // What was refused once is no news later.
      setTimeout(() => { if (said.textContent === refusal) setText(said, ""); }, 20_000);
      if (error instanceof Unauthorised) unauthorised();
    } finally {
      if (button) button.disabled = false;
    }
  }

  const button = (label: string, title: string, order: () => Order): HTMLButtonElement => {
    const made: HTMLButtonElement = h("button", { type: "button", title, onclick: () => void ask(order(), made) }, label);
    return made;
  };
  let paused = false;
  const pause = button("Pause", "Training waits after the step under way", () => ({ action: paused ? "resume" : "pause" }));
  pause.id = "control-pause";
  const stop = h("button", { type: "button", class: "danger", id: "control-stop" }, "Stop …");
  const sure = h("div", { class: "sure", role: "group", "aria-label": "Confirm", hidden: true });
  const yes = h("button", { type: "button", class: "danger", id: "control-stop-yes" }, "Stop the run");
  const no = h("button", { type: "button", onclick: () => close() }, "Go on training");
  fill(sure, h("span", {}, "Training ends after the step under way. Only a run that keeps checkpoints can be taken up again."), yes, no);
  const close = (): void => {
    sure.hidden = true;
    stop.focus();
  };
  stop.addEventListener("click", () => {
    sure.hidden = false;
    no.focus();
  });
  yes.addEventListener("click", () => {
    sure.hidden = true;
    void ask({ action: "stop" });
  });
  sure.addEventListener("keydown", (event) => event.key === "Escape" && close());

  const field = (id: string, label: string, hint: string, attributes: Record<string, string | number>, order: (value: number) => Order): [HTMLElement, HTMLInputElement] => {
    const input = h("input", { type: "number", id, required: true, "aria-describedby": `${id}-hint`, ...attributes });
    const form = h("form", { class: "field" }, h("label", { for: id }, label), h("div", { class: "field-row" }, input, h("button", { type: "submit" }, "Set")),
      h("small", { id: `${id}-hint` }, hint));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void ask(order(Number(input.value)));
    });
    return [form, input];
  };
  const [toleranceField, tolerance] = field("control-tolerance", "Tolerance", "how much giving back may change the outputs; 0.03 is 3 %",
    { min: 0, max: 1, step: "any", inputmode: "decimal" }, (value) => ({ action: "set", tolerance: value }));
  const [budgetField, budget] = field("control-budget", "Budget of parameters", "no growth beyond it",
    { min: 1, step: 1, inputmode: "numeric" }, (value) => ({ action: "set", parameter_budget: Math.round(value) }));
  const tasks = h("fieldset", { class: "tasks" });

  const element = h("section", { class: "panel wide", id: "controls", "aria-labelledby": "controls-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "controls-title" }, "Controls")),
    h("p", { class: "about" }, "Asked here, done by the run at its next step or epoch, and written into its log."),
    h("div", { class: "control-rows" },
      h("div", { class: "buttons" }, pause,
        button("Adapt now", "Look at every layer now, and let it grow or shrink", () => ({ action: "adapt" })),
        button("Checkpoint", "Keep the run in a file now", () => ({ action: "checkpoint" })), stop),
      sure, h("div", { class: "fields" }, toleranceField, budgetField, tasks)),
    said);

  function update(view: View): void {
    const one = shown(view);
    const status = statusOf(one.state);
    element.hidden = !one.control || view.recorded || (status !== "live" && status !== "paused" && status !== "waiting");
    if (element.hidden) return;
    if (run !== one.id) {
      run = one.id;
      tolerance.value = budget.value = known = "";
      setText(said, "");
    }
    paused = status === "paused";
    setText(pause, paused ? "Resume" : "Pause");
    tolerance.placeholder = one.state.tolerance === null ? "" : String(one.state.tolerance);
    budget.placeholder = one.state.parameterBudget ? String(one.state.parameterBudget) : "automatic";
    const now = JSON.stringify(one.state.tasksNow);
    if (now === known) return;
    known = now;
    tasks.hidden = one.state.tasksNow.length < 2;
    fill(tasks, h("legend", {}, "Tasks that are trained"), ...one.state.tasksNow.map((task) => {
      const box: HTMLInputElement = h("input", {
        type: "checkbox", checked: task.active,
        onchange: () => void ask({ action: "task", task: task.name, active: box.checked }),
      });
      return h("label", { class: "check" }, box, ` ${clip(task.name, 40)}`);
    }), h("small", {}, "takes effect when the next epoch begins"));
  }
  return { element, update };
}
