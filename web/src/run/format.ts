// Numbers as people read them.

const grouped = new Intl.NumberFormat("en-GB");

export const count = (value: number): string => grouped.format(Math.round(value));

export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim((value / 1e6).toFixed(2))}M`;
  if (size >= 1e4) return `${trim((value / 1e3).toFixed(size >= 1e5 ? 0 : 1))}k`;
  return count(value);
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export const percent = (value: number | null, digits = 2): string =>
  value === null ? "–" : `${(100 * value).toFixed(digits)} %`;

export function significant(value: number | null, digits = 3): string {
  if (value === null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(digits)));
  return value.toExponential(digits - 1).replace("e+", "e");
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const hidden = (widths: readonly number[]): number[] => widths.slice(1, -1);

export function widthsText(widths: readonly number[]): string {
  const all = hidden(widths);
  if (all.length === 0) return "none";
  if (all.length <= 6) return all.join("-");
  return `${all.slice(0, 3).join("-")}-…-${all.slice(-2).join("-")}`;
}

export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`;

/** Names come from outside and may be long. */
export function clip(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}
