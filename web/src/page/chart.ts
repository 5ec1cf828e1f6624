// A panel with plots: heading, words, legend, the plots, buttons that save them, and a line that follows the moment.
import * as Plot from "@observablehq/plot";
import { short } from "../run/format";
import { h, s, setText, fill } from "./dom";
import { saveSvg, savePng } from "./export";
import type { Look, View } from "./view";

export interface LegendEntry { label: string; look?: Partial<Look>; kind?: "line" | "dot" | "box" | "hatch" | "band" | "up" | "down" | "thin" }

export interface Drawing {
  plots: (SVGSVGElement | HTMLElement)[];
  legend: LegendEntry[];
  /** What a listener hears instead of the plots. */
  summary: string;
  /** Why there is nothing to see. */
  note?: string;
}

export interface Spec {
  id: string;
  title: string;
  about: string;
  wide?: boolean;
  /** When it is the same as before, nothing is drawn. */
  key(view: View): string;
  draw(view: View, width: number): Drawing;
  /** Whether the plots have steps on their x axis: then they show the moment, and a press on them chooses it. */
  timed?: boolean;
  below?: HTMLElement;
  /** Whether there is anything to show at all; without it the panel is hidden. */
  when?(view: View): boolean;
  /** Called when another moment is looked at; what a listener hears then. */
  onMoment?(view: View, width: number): string;
  /** Called once, with the element that holds the plots. */
  attach?(body: HTMLElement): void;
}

export interface Panel {
  element: HTMLElement;
  update(view: View): void;
  moment(view: View): void;
  refresh(): void;
}

const HOLD = 1200;

export function chartPanel(spec: Spec, choose: (step: number) => void, again: () => void): Panel {
  const legend = h("ul", { class: "legend" });
  const body = h("div", { class: "plots" });
  const note = h("p", { class: "note" });
  let drawing: Drawing | null = null;
  const save = (how: typeof saveSvg) => (): void => {
    if (drawing) void how(spec.id, spec.title, drawing.legend, [...body.querySelectorAll<SVGSVGElement>(":scope > svg, :scope > figure > svg")]);
  };
  const saves = h("div", { class: "saves" },
    h("button", { type: "button", class: "quiet", onclick: save(saveSvg), "aria-label": `Save “${spec.title}” as SVG`, "data-save": "svg" }, "SVG"),
    h("button", { type: "button", class: "quiet", onclick: save(savePng), "aria-label": `Save “${spec.title}” as PNG`, "data-save": "png" }, "PNG"));
  const element = h("section", { class: `panel${spec.wide ? " wide" : ""}`, id: spec.id, "aria-labelledby": `${spec.id}-title` },
    h("div", { class: "panel-head" }, h("h2", { id: `${spec.id}-title` }, spec.title), saves),
    h("p", { class: "about" }, spec.about), legend, body, note, spec.below);

  let known = "", width = 0, touched = -HOLD, held = 0;
  body.addEventListener("pointermove", () => (touched = performance.now()));
  if (spec.timed) {
    body.addEventListener("click", (event) => {
      const svg = (event.target as Element).closest("svg");
      const step = svg && stepAt(svg as SVGSVGElement, event.clientX);
      if (step !== null) choose(step);
    });
  }

  spec.attach?.(body);

  const panel: Panel = {
    element,
    update(view) {
      element.hidden = spec.when ? !spec.when(view) : false;
      if (element.hidden) return;
      const now = Math.floor(body.clientWidth);
      if (now <= 0) return;
      const key = `${now} ${spec.key(view)}`;
      if (key === known) return;
      // A plot that somebody points at is left alone for a moment, or its explanation would vanish.
      if (now === width && performance.now() - touched < HOLD) {
        clearTimeout(held);
        held = window.setTimeout(again, HOLD);
        return;
      }
      known = key;
      width = now;
      drawing = spec.draw(view, now);
      for (const plot of drawing.plots) {
        plot.setAttribute("role", "img");
        plot.setAttribute("aria-label", `${spec.title}. ${drawing.summary}`);
      }
      fill(body, ...drawing.plots);
      fill(legend, ...drawing.legend.map(legendItem));
      legend.hidden = drawing.legend.length === 0;
      setText(note, drawing.note ?? "");
      note.hidden = !drawing.note;
      saves.hidden = drawing.plots.length === 0;
      panel.moment(view);
    },
    moment(view) {
      if (element.hidden) return;
      const heard = spec.onMoment?.(view, width);
      if (heard) for (const plot of drawing?.plots ?? []) plot.setAttribute("aria-label", `${spec.title}. ${heard}`);
      if (!spec.timed) return;
      for (const svg of body.querySelectorAll<SVGSVGElement>("svg")) cursor(svg, view.following ? null : view.step);
    },
    refresh() {
      known = "";
    },
  };
  return panel;
}

interface Placed { apply(step: number): number; invert(x: number): number; top: number; bottom: number; left: number; right: number }
const placed = new WeakMap<SVGSVGElement, Placed>();

/** A plot over steps. Remembers its scale, so that the moment can be marked without drawing it again. */
export function timePlot(width: number, height: number, domain: [number, number], options: Plot.PlotOptions): SVGSVGElement {
  const left = options.marginLeft ?? 46, right = options.marginRight ?? 14, top = options.marginTop ?? 20, bottom = options.marginBottom ?? 40;
  const plot = basePlot(width, height, {
    ...options,
    marginLeft: left, marginRight: right, marginTop: top, marginBottom: bottom,
    x: { domain, label: "optimiser steps", tickFormat: short, ticks: Math.max(2, Math.floor(width / 110)), labelAnchor: "right", labelOffset: 36, ...options.x },
  });
  const span = width - left - right;
  placed.set(plot, {
    apply: (step) => left + ((step - domain[0]) / (domain[1] - domain[0])) * span,
    invert: (x) => domain[0] + ((x - left) / span) * (domain[1] - domain[0]),
    top, bottom: height - bottom, left, right: width - right,
  });
  return plot;
}

export function basePlot(width: number, height: number, options: Plot.PlotOptions): SVGSVGElement {
  const plot = Plot.plot({ width, height, style: { background: "transparent", fontSize: "12px", overflow: "visible", fontFamily: "inherit" }, ...options });
  const svg = (plot instanceof SVGSVGElement ? plot : plot.querySelector("svg")) as SVGSVGElement;
  // A plot is one picture with one name; names of its marks ("line", "rule") would only be noise.
  for (const group of svg.querySelectorAll("g[aria-label]")) {
    if (group.getAttribute("aria-label") === "tip") group.classList.add("tip");
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  return svg;
}

function stepAt(svg: SVGSVGElement, clientX: number): number | null {
  const place = placed.get(svg);
  if (!place) return null;
  const box = svg.getBoundingClientRect();
  const x = ((clientX - box.left) / box.width) * svg.width.baseVal.value;
  return x < place.left - 4 || x > place.right + 4 ? null : Math.round(place.invert(x));
}

function cursor(svg: SVGSVGElement, step: number | null): void {
  const place = placed.get(svg);
  if (!place) return;
  let line = svg.querySelector<SVGLineElement>(":scope > .cursor");
  if (step === null) {
    line?.remove();
    return;
  }
  if (!line) {
    line = s("line", { class: "cursor" });
    svg.append(line);
  }
  const x = String(Math.min(Math.max(place.apply(step), place.left), place.right));
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
  line.setAttribute("y1", String(place.top));
  line.setAttribute("y2", String(place.bottom));
}

function legendItem(entry: LegendEntry): HTMLElement {
  return h("li", {}, legendSign(entry), entry.label);
}

/** Drawn in 22 × 12, on the page and in what is saved. */
export function legendSign(entry: LegendEntry): SVGSVGElement {
  const colour = entry.look?.colour ?? "var(--soft)";
  const sign = s("svg", { width: 22, height: 12, viewBox: "0 0 22 12", "aria-hidden": "true", class: "sign" });
  const kind = entry.kind ?? "line";
  if (kind === "line" || kind === "thin") {
    sign.append(s("line", {
      x1: 0, x2: 22, y1: 6, y2: 6, stroke: colour, "stroke-width": kind === "thin" ? 1.25 : 2.25, "stroke-dasharray": entry.look?.dash || null,
    }));
  } else if (kind === "dot") sign.append(s("circle", { cx: 11, cy: 6, r: 4, fill: colour }));
  else if (kind === "up") sign.append(s("path", { d: "M11 1l5 9h-10z", fill: colour }));
  else if (kind === "down") sign.append(s("path", { d: "M11 11l5 -9h-10z", fill: colour }));
  else {
    sign.append(s("rect", { x: 2, y: 1, width: 18, height: 10, rx: 2, fill: kind === "hatch" ? "none" : colour, stroke: colour, "fill-opacity": kind === "band" ? 0.25 : 1 }));
    if (kind === "hatch") sign.append(s("path", { d: "M5 11l6 -10M10 11l6 -10M15 11l4 -7", stroke: colour, "stroke-width": 1.5, fill: "none" }));
  }
  return sign;
}
