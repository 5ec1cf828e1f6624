// The server: which runs there are, and what is asked of a run.

export interface RunInfo { id: number; name: string; live: boolean; control: boolean }

export class Unauthorised extends Error {}

const KEY = "isoform-token";

/** The token comes in the fragment, which is not sent to servers, and leaves the address bar at once. */
export function takeToken(): void {
  const found = /(?:^#|&)token=([^&]*)/.exec(location.hash);
  if (!found) return;
  let token = found[1]!;
  try {
    token = decodeURIComponent(token);
  } catch {
    // as it is
  }
  setToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}

let memory: string | null = null;

export function setToken(value: string): void {
  memory = value;
  try {
    sessionStorage.setItem(KEY, value);
  } catch {
    // without storage it lasts until the page is left
  }
}

function token(): string | null {
  if (memory !== null) return memory;
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function headers(): Record<string, string> {
  const value = token();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

export async function fetchRuns(): Promise<{ version: string; runs: RunInfo[] }> {
  const response = await fetch("api/runs", { headers: headers(), cache: "no-store" });
  if (response.status === 401) throw new Unauthorised("a token is needed");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const body = (await response.json()) as { version?: unknown; runs?: unknown };
  const runs = Array.isArray(body.runs) ? (body.runs as Record<string, unknown>[]) : [];
  return {
    version: typeof body.version === "string" ? body.version : "",
    runs: runs.map((run, index) => ({
      id: typeof run["id"] === "number" ? run["id"] : index,
      name: typeof run["name"] === "string" ? run["name"].slice(0, 200) : `run ${index + 1}`,
      live: run["live"] === true,
      control: run["control"] === true,
    })),
  };
}

export type Order =
  | { action: "pause" | "resume" | "adapt" | "checkpoint" | "stop" }
  | { action: "set"; tolerance: number }
  | { action: "set"; parameter_budget: number }
  | { action: "task"; task: string; active: boolean };

/** What the server says to it; throws a sentence where it refuses. */
export async function send(run: number, order: Order): Promise<string> {
  let response: Response;
  try {
    response = await fetch(`api/runs/${run}/control`, {
      method: "POST",
      headers: { ...headers(), "Content-Type": "application/json" },
      body: JSON.stringify(order),
    });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  if (response.status === 401) throw new Unauthorised("A token is needed.");
  let body: { note?: unknown; error?: unknown } = {};
  try {
    body = (await response.json()) as typeof body;
  } catch {
    // a proxy's page, say
  }
  if (response.ok) return typeof body.note === "string" && body.note ? body.note : "Accepted.";
  throw new Error(typeof body.error === "string" && body.error ? body.error : `The server answered ${response.status}.`);
}
