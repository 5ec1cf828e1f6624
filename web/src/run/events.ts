// One event of the log (docs/events.md), read without trusting it: a field may be absent, null, or of a newer writer.

export interface LogEvent {
  v: number;
  seq: number;
  step: number;
  epoch: number;
  time_s: number;
  type: string;
  [field: string]: unknown;
}

/** A sentence for people: why a line could not be read. */
export class EventError extends Error {}

export function asEvent(value: unknown): LogEvent {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EventError("a line of the log is no JSON object");
  }
  const fields = value as Record<string, unknown>;
  if (fields["v"] !== 1) {
    throw new EventError(`the log has format ${String(fields["v"]).slice(0, 20)}, and this page knows format 1 only`);
  }
  const whole = (key: string): number => {
    const found = fields[key];
    return typeof found === "number" && Number.isFinite(found) ? found : 0;
  };
  return {
    ...fields,
    v: 1,
    seq: whole("seq"),
    step: whole("step"),
    epoch: whole("epoch"),
    time_s: whole("time_s"),
    type: typeof fields["type"] === "string" ? fields["type"] : "",
  };
}

export function parseLine(line: string): LogEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new EventError("a line of the log is no JSON");
  }
  return asEvent(value);
}

type Fields = Record<string, unknown>;

/** null stands for "not measured", as in the log, so that a state can be written as JSON. */
export function num(fields: Fields, key: string): number | null {
  const value = fields[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function int(fields: Fields, key: string, otherwise = 0): number {
  const value = num(fields, key);
  return value === null ? otherwise : Math.trunc(value);
}

// Names are shown, never interpreted; a hostile log must not make the page huge.
const LONGEST = 2000;
const MOST_NUMBERS = 4096;

export function str(fields: Fields, key: string): string {
  const value = fields[key];
  return typeof value === "string" ? value.slice(0, LONGEST) : "";
}

export function flag(fields: Fields, key: string, otherwise: boolean): boolean {
  const value = fields[key];
  return typeof value === "boolean" ? value : otherwise;
}

export function numbers(fields: Fields, key: string): number[] {
  const value = fields[key];
  if (!Array.isArray(value)) return [];
  return value.slice(0, MOST_NUMBERS).map((entry) => (typeof entry === "number" && Number.isFinite(entry) ? entry : 0));
}

export function objects(fields: Fields, key: string): Fields[] {
  const value = fields[key];
  if (!Array.isArray(value)) return [];
  return value.filter((entry): entry is Fields => typeof entry === "object" && entry !== null && !Array.isArray(entry));
}

export function object(fields: Fields, key: string): Fields | null {
  const value = fields[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}
