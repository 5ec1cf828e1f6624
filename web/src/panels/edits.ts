// Every birth and removal as a table: the same as the triangles, for those who read rather than look.
import { fill, h } from "../page/dom";
import { shown, type View } from "../page/view";
import { count, percent, plural, significant } from "../run/format";
import type { Edit } from "../run/state";

const FEW = 12, MANY = 1000;

// Edits that add and remove nothing.
const OTHER: Record<string, string> = { refit: "The next layer's weights were fitted anew", rotate: "Units were turned" };

export interface SidePanel { element: HTMLElement; update(view: View): void }

export function editsPanel(choose: (step: number) => void): SidePanel {
  const caption = h("caption", {});
  const rows = h("tbody", {});
  const more = h("button", { type: "button", class: "quiet" });
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of births and removals" },
    h("table", {}, caption,
      h("thead", {}, h("tr", {}, ...["Step", "Layer", "Born", "Removed", "Width", "Score", "Bound", "Change", "Why"].map((name) => h("th", { scope: "col" }, name)))),
      rows));
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel wide", id: "edits", "aria-labelledby": "edits-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "edits-title" }, "Births and removals")),
    h("p", { class: "about" }, "Every change of shape. Score: how much the chosen units mattered. Bound: the largest change of the outputs that is proven possible. " +
      "Change: what was measured. Press a step to look at that moment."),
    scroll, more, note);
  let all = false, known = "", last: View | null = null;
  more.addEventListener("click", () => {
    all = !all;
    known = "";
    if (last) update(last);
  });

  function row(edit: Edit): HTMLElement {
    return h("tr", {},
      h("td", {}, h("button", { type: "button", class: "link", onclick: () => choose(edit.step), "aria-label": `Look at step ${count(edit.step)}` }, count(edit.step))),
      h("td", {}, `hidden ${edit.space}`),
      h("td", { class: "born" }, edit.born > 0 ? `▲ ${count(edit.born)}` : ""),
      h("td", { class: "gone" }, edit.removed > 0 ? `▼ ${count(edit.removed)}` : ""),
      h("td", {}, `${edit.before} → ${edit.after}`),
      h("td", {}, edit.removed > 0 ? significant(edit.score) : "–"), h("td", {}, significant(edit.bound)),
      h("td", {}, edit.change === null ? "–" : edit.change === 0 ? "none" : percent(edit.change)),
      h("td", { class: "words" }, edit.born + edit.removed > 0 ? edit.why : `${OTHER[edit.kind] ?? edit.kind}: ${edit.why}`));
  }

  function update(view: View): void {
    last = view;
    const { state } = shown(view);
    const now = `${view.selected} ${state.edits.length} ${state.edits.at(-1)?.seq} ${state.resumed}`;
    if (now === known) return;
    known = now;
    const edits = state.edits.slice(all ? -MANY : -FEW).reverse();
    fill(caption, `${plural(state.born, "unit")} born, ${count(state.removed)} removed in ${plural(state.edits.length, "edit")}; the latest on top`);
    fill(rows, ...edits.map(row));
    scroll.hidden = edits.length === 0;
    more.hidden = state.edits.length <= FEW;
    more.textContent = all ? "Show the latest only" : `Show ${state.edits.length > MANY ? `the latest ${count(MANY)}` : `all ${count(state.edits.length)}`}`;
    more.setAttribute("aria-expanded", String(all));
    note.hidden = edits.length > 0;
    note.textContent = "No layer has changed its width yet.";
  }
  return { element, update };
}
