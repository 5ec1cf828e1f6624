// The runs that a page carries within itself (README.md has the format).

export interface Recorded { version: string; runs: { name: string; events: unknown[] }[] }

export function recordedRuns(page: Document): Recorded | null {
  const element = page.getElementById("recorded-runs");
  if (!element) return null;
  try {
    const value = JSON.parse(element.textContent ?? "") as { version?: unknown; runs?: unknown };
    const runs = Array.isArray(value.runs) ? (value.runs as Record<string, unknown>[]) : [];
    return {
      version: typeof value.version === "string" ? value.version : "",
      runs: runs.map((run, index) => ({
        name: typeof run["name"] === "string" ? run["name"].slice(0, 200) : `run ${index + 1}`,
        events: Array.isArray(run["events"]) ? run["events"] : [],
      })),
    };
  } catch {
    return { version: "", runs: [] };
  }
}
