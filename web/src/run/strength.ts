// How strong a singular value is, between 0 and 1, on one logarithmic scale for all that was measured.

const MOST_DECADES = 4;

export interface StrengthScale { low: number; high: number }

/** Up to the largest value, from one that only one in thirty is below; at most four decades, at least a third of one. */
export function strengthScale(rows: Iterable<{ values: readonly number[] }>): StrengthScale {
  const sample: number[] = [];
  let high = 0;
  for (const { values } of rows) {
    // Some of each row are enough to say what is small.
    const stride = Math.ceil(values.length / 64);
    values.forEach((value, i) => {
      if (value > high) high = value;
      if (value > 0 && i % stride === 0) sample.push(value);
    });
  }
  if (high <= 0) return { low: 1, high: 1 };
  const low = sample.sort((a, b) => a - b)[Math.floor(sample.length / 30)] ?? high;
  return { low: Math.max(Math.min(low, high / 2), high / 10 ** MOST_DECADES), high };
}

export function strength(value: number, { low, high }: StrengthScale): number {
  if (!(value > low)) return 0;
  return Math.min(1, Math.log(value / low) / Math.log(high / low));
}

/** Colour of a strength: between the eight of the page. */
export function strengthColour(share: number): string {
  const at = Math.min(1, Math.max(0, share)) * 7, from = Math.min(6, Math.floor(at));
  const part = Math.round(100 * (at - from));
  if (part === 0) return `var(--r${from})`;
  return part === 100 ? `var(--r${from + 1})` : `color-mix(in srgb, var(--r${from + 1}) ${part}%, var(--r${from}))`;
}
