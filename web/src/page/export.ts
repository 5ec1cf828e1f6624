// Saves plots as SVG and PNG, and the whole page as one file that needs no server.
import { h, s } from "./dom";
import { legendSign, type LegendEntry } from "./chart";
import type { View } from "./view";

const HEAD = 34, ROW = 22, PAD = 16;

function download(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// What a file cannot take from the page's style sheet, it must carry.
const KEPT = ["fill", "stroke", "opacity", "fill-opacity", "stroke-opacity", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor", "paint-order"];

function carried(source: SVGElement): SVGElement {
  const copy = source.cloneNode(true) as SVGElement;
  const from = [source, ...source.querySelectorAll<SVGElement>("*")];
  const to = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  from.forEach((element, index) => {
    const style = getComputedStyle(element);
    const target = to[index]!;
    for (const property of KEPT) {
      const value = style.getPropertyValue(property);
      if (value) target.setAttribute(property, value);
    }
    // What only answers to a pointer is no part of the picture.
    if (element.matches(".tip, [aria-label='tip'], .chosen")) target.setAttribute("data-passing", "");
    target.removeAttribute("style");
    target.removeAttribute("class");
    target.removeAttribute("tabindex");
  });
  copy.querySelectorAll("style").forEach((element) => element.remove());
  copy.querySelectorAll("[data-passing]").forEach((element) => element.remove());
  return copy;
}

/** Heading, legend and plots, one below the other, on the page's background. */
export function compose(title: string, legend: LegendEntry[], plots: SVGSVGElement[]): SVGSVGElement {
  const size = (plot: SVGSVGElement): [number, number] => [plot.width.baseVal.value, plot.height.baseVal.value];
  const width = Math.max(320, ...plots.map((plot) => size(plot)[0])) + 2 * PAD;
  const ink = getComputedStyle(document.body);
  const colour = ink.color, paper = ink.getPropertyValue("--card").trim() || "#fff";
  const probe = h("span", { hidden: true });
  document.body.append(probe);
  const resolve = (sign: SVGSVGElement): SVGElement => {
    probe.append(sign);
    probe.hidden = false;
    const copy = carried(sign);
    probe.hidden = true;
    return copy;
  };
  const root = s("svg", { xmlns: "http://www.w3.org/2000/svg", "font-family": "system-ui, sans-serif", "font-size": 12 });
  root.append(s("title", {}, title));
  const back = s("rect", { width: "100%", height: "100%", fill: paper });
  root.append(back, s("text", { x: PAD, y: 26, "font-size": 16, "font-weight": 600, fill: colour }, title));
  let x = PAD, y = HEAD + 8;
  for (const entry of legend) {
    const room = 30 + 7 * entry.label.length;
    if (x > PAD && x + room > width - PAD) {
      x = PAD;
      y += ROW;
    }
    const sign = resolve(legendSign(entry));
    sign.setAttribute("x", String(x));
    sign.setAttribute("y", String(y));
    root.append(sign, s("text", { x: x + 28, y: y + 10, fill: colour }, entry.label));
    x += room + 14;
  }
  probe.remove();
  y += legend.length > 0 ? ROW + 4 : 0;
  for (const plot of plots) {
    const copy = carried(plot);
    copy.setAttribute("x", String(PAD));
    copy.setAttribute("y", String(y));
    copy.removeAttribute("role");
    root.append(copy);
    y += size(plot)[1] + 8;
  }
  root.setAttribute("width", String(width));
  root.setAttribute("height", String(y + 8));
  root.setAttribute("viewBox", `0 0 ${width} ${y + 8}`);
  return root;
}

const asText = (svg: SVGSVGElement): string => `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;

export async function saveSvg(name: string, title: string, legend: LegendEntry[], plots: SVGSVGElement[]): Promise<void> {
  download(`isoform-${name}.svg`, new Blob([asText(compose(title, legend, plots))], { type: "image/svg+xml" }));
}

export async function savePng(name: string, title: string, legend: LegendEntry[], plots: SVGSVGElement[]): Promise<void> {
  const svg = compose(title, legend, plots);
  const width = Number(svg.getAttribute("width")), height = Number(svg.getAttribute("height"));
  const url = URL.createObjectURL(new Blob([asText(svg)], { type: "image/svg+xml" }));
  try {
    const image = new Image(width, height);
    image.src = url;
    await image.decode();
    const canvas = h("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d")!.drawImage(image, 0, 0, 2 * width, 2 * height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (blob) download(`isoform-${name}.png`, blob);
  } finally {
    URL.revokeObjectURL(url);
  }
}

// "</script" and "<!--" within would end or change the element that holds it.
const harmless = (json: string): string => json.replace(/</g, "\\u003c");

async function part(address: string, inlined: string): Promise<string> {
  const here = document.querySelector(inlined);
  if (here?.textContent) return here.textContent;
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.text();
}

let parts: Promise<[string, string]> | null = null;

/** Style and program of the page, fetched early: the server may be gone when the page is saved. */
export function pageParts(): Promise<[string, string]> {
  parts ??= Promise.all([part("app.css", "head > style"), part("app.js", "script[type=module]:not([src])")]);
  parts.catch(() => (parts = null));
  return parts;
}

/** The page with its style, its program and the runs within: a file that opens without any server. */
export async function pageText(view: View): Promise<string> {
  const [style, program] = await pageParts();
  const runs = view.runs.map((run) => `{"name":${JSON.stringify(run.name)},"events":[${run.lines.json()}]}`);
  const json = `{"version":${JSON.stringify(view.version)},"runs":[${runs.join(",\n")}]}`;
  return [
    "<!doctype html>", '<html lang="en-GB">', "<head>", '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">', `<title>Isoform${end("title")}`, '<link rel="icon" href="data:,">',
    `<style>${style.replace(/<\/style/gi, "<\\/style")}${end("style")}`,
    `<script type="application/json" id="recorded-runs">${harmless(json)}${end("script")}`,
    end("head"), "<body>", `<div id="app">${end("div")}`,
    `<script type="module">${program.replace(/<\/script/gi, "<\\/script").replace(/<!(?=--)/g, "<\\!")}${end("script")}`,
    end("body"), end("html"), "",
  ].join("\n");
}

// Put together here, so that no tag stands in app.js: whoever looks for one in a page that holds it finds the page's own.
const end = (tag: string): string => `</${tag}>`;

export async function savePage(view: View): Promise<void> {
  const name = (view.runs[0]?.name ?? "run").replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 60) || "run";
  download(`${name}.html`, new Blob([await pageText(view)], { type: "text/html" }));
}
