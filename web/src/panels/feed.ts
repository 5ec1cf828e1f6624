// What happened, in plain words, the latest on top.
import { fill, h } from "../page/dom";
import { shown, type View } from "../page/view";
import { count, duration } from "../run/format";
import type { Entry, Kind } from "../run/state";
import type { SidePanel } from "./edits";

const SIGN: Record<Kind, [string, string]> = {
  start: ["▶", "start"], edit: ["△", "change of shape"], epoch: ["·", "epoch"], task: ["◆", "task"], control: ["✎", "control"],
  checkpoint: ["⤓", "checkpoint"], warning: ["!", "warning"], end: ["■", "end"],
};
const MOST = 120;

export function feedPanel(choose: (step: number) => void): SidePanel {
  const list = h("ol", { class: "feed", tabindex: 0, "aria-label": "What happened, the latest first" });
  const routine = h("input", { type: "checkbox", checked: true });
  const element = h("section", { class: "panel", id: "feed", "aria-labelledby": "feed-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "feed-title" }, "What happened"),
      h("label", { class: "check" }, routine, " epochs and edits")),
    h("p", { class: "about" }, "The log in words, the latest on top. Warnings stop nothing, but are worth a look."), list);
  let known = "", last: View | null = null;
  routine.addEventListener("change", () => {
    known = "";
    if (last) update(last);
  });

  function item(entry: Entry): HTMLElement {
    const [sign, word] = SIGN[entry.kind];
    return h("li", { class: `kind-${entry.kind}` },
      h("span", { class: "sign", role: "img", "aria-label": word }, sign),
      h("span", { class: "what" }, entry.text),
      h("button", { type: "button", class: "link when", onclick: () => choose(entry.step), title: `Look at step ${count(entry.step)}` },
        `step ${count(entry.step)}, ${duration(entry.time)}`));
  }

  function update(view: View): void {
    last = view;
    const { state } = shown(view);
    const now = `${view.selected} ${state.entries.at(-1)?.seq} ${state.entries.length}`;
    if (now === known) return;
    known = now;
    const wanted = routine.checked ? state.entries : state.entries.filter((entry) => entry.kind !== "edit" && entry.kind !== "epoch");
    fill(list, ...wanted.slice(-MOST).reverse().map(item));
  }
  return { element, update };
}
