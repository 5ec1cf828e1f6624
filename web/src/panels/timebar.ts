// The moment that is looked at: a slider over the run, playback, and the way back to what is happening now.
import { calm, h, setText } from "../page/dom";
import { reach, shown, type View } from "../page/view";
import { count, duration, percent, short, widthsText } from "../run/format";
import { momentAt } from "../run/moment";
import { standing } from "./header";
import type { SidePanel } from "./edits";

const LASTS = 20; // seconds that playback of a whole run takes

export function timebar(choose: (step: number) => void, live: () => void, current: () => View): SidePanel {
  const slider = h("input", { type: "range", id: "moment", "aria-label": "Moment of the run, in optimiser steps" });
  const play = h("button", { type: "button", class: "round", id: "play" });
  const follow = h("button", { type: "button", id: "live", class: "live" });
  const where = h("span", { class: "where" });
  const facts = h("span", { class: "facts" });
  const pill = h("span", { class: "pill small" });
  const element = h("section", { class: "timebar", "aria-label": "Moment" }, play, slider, follow, h("div", { class: "time-words" }, pill, where, facts,
    h("span", { class: "hint wide-only" }, "Press on any plot to look at that moment.")));

  let playing = false, before = 0, exact = 0;
  const end = (view: View): number => Math.max(0, ...view.runs.map((run) => run.state.lastStep));
  const show = (): void => {
    setText(play, playing ? "❚❚" : "▶");
    play.setAttribute("aria-label", playing ? "Stop playback" : "Play the run from here");
  };
  const stop = (): void => {
    playing = false;
    show();
  };
  const tick = (time: number): void => {
    if (!playing) return;
    const view = current();
    const [low] = reach(view.runs), high = end(view);
    exact += ((high - low) * Math.min(200, time - before)) / (1000 * LASTS);
    before = time;
    if (exact >= high) {
      stop();
      return live();
    }
    // Whoever wants little motion sees pictures, not a film.
    const grain = calm() ? Math.max(1, (high - low) / 40) : 1;
    choose(Math.floor(exact / grain) * grain);
    requestAnimationFrame(tick);
  };
  play.addEventListener("click", () => {
    const view = current();
    if (playing) return stop();
    const [low] = reach(view.runs);
    exact = view.following || view.step >= end(view) ? low : view.step;
    playing = true;
    before = performance.now();
    show();
    requestAnimationFrame(tick);
  });
  slider.addEventListener("input", () => {
    stop();
    choose(Number(slider.value));
  });
  slider.addEventListener("change", () => {
    if (Number(slider.value) >= Number(slider.max)) live();
  });
  follow.addEventListener("click", () => {
    stop();
    live();
  });
  show();

  function update(view: View): void {
    const [low] = reach(view.runs), high = Math.max(low + 1, end(view));
    slider.min = String(low);
    slider.max = String(high);
    slider.step = String(Math.max(1, Math.round((high - low) / 500)));
    const step = view.following ? high : view.step;
    if (document.activeElement !== slider || view.following || playing) slider.value = String(step);
    const run = shown(view), now = momentAt(run.state, step);
    slider.style.setProperty("--at", `${(100 * (step - low)) / (high - low)}%`);
    const words = `step ${count(now.step)}, epoch ${count(now.epoch)}, ${duration(now.time)}`;
    slider.setAttribute("aria-valuetext", words);
    setText(where, words);
    const accuracy = now.last?.validationAccuracy ?? now.last?.trainAccuracy ?? null;
    setText(facts, view.runs.length > 1 ? "" : [widthsText([0, ...now.layers.map((layer) => layer.width), 0]), `${short(now.parameters)} parameters`, accuracy === null ? "" : percent(accuracy)].filter((part) => part).join(" · "));
    const stands = standing(run);
    const still = run.state.ended || stands.status === "cut";
    setText(follow, still ? "To the end" : "● Live");
    follow.setAttribute("aria-pressed", String(view.following));
    pill.dataset["status"] = stands.status;
    setText(pill, `${stands.sign} ${stands.word}`);
  }
  return { element, update };
}
