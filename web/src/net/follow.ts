// Follows a run: asks for the lines from the first that is missing, and asks again when the connection is lost.
import { headers, Unauthorised } from "./api";
import { SseParser } from "./sse";

export type Link =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "waiting"; seconds: number }
  | { state: "token" }
  | { state: "failed"; why: string }
  | { state: "done" };

export interface Follower {
  /** The number of the first line that is missing. */
  next(): number;
  line(text: string): void;
  link(link: Link): void;
}

const LONGEST_WAIT = 30;
const SILENCE = 60_000; // heartbeats come more often

export function follow(run: number, to: Follower): { retry(): void; stop(): void } {
  let stopped = false;
  let wake: (() => void) | null = null;
  let abort: AbortController | null = null;
  let failures = 0;

  /** True when the run is over and everything was read. */
  async function read(): Promise<boolean> {
    abort = new AbortController();
    const { signal } = abort;
    let alive = setTimeout(() => abort?.abort(), SILENCE);
    try {
      const response = await fetch(`api/runs/${run}/events?from=${to.next()}`, { headers: headers(), signal, cache: "no-store" });
      if (response.status === 401) throw new Unauthorised("a token is needed");
      if (response.status === 404) throw new Missing();
      if (!response.ok || !response.body) throw new Error(String(response.status));
      to.link({ state: "open" });
      const reader = response.body.getReader();
      const text = new TextDecoder();
      const parser = new SseParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return false;
        failures = 0;
        clearTimeout(alive);
        alive = setTimeout(() => abort?.abort(), SILENCE);
        for (const message of parser.push(text.decode(value, { stream: true }))) {
          if (message.event === "done") {
            void reader.cancel().catch(() => undefined);
            return true;
          }
          if (message.event === "message") to.line(message.data);
        }
      }
    } finally {
      clearTimeout(alive);
    }
  }

  /** True when somebody did not want to wait. */
  const pause = (milliseconds: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), milliseconds);
      wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });

  async function loop(): Promise<void> {
    while (!stopped) {
      to.link({ state: "connecting" });
      try {
        if (await read()) return to.link({ state: "done" });
      } catch (error) {
        if (stopped) return;
        if (error instanceof Missing) return to.link({ state: "failed", why: "the server no longer knows this run" });
        if (error instanceof Unauthorised) {
          to.link({ state: "token" });
          await pause(1e9);
          continue;
        }
      }
      if (stopped) return;
      const seconds = Math.min(LONGEST_WAIT, 2 ** failures);
      failures += 1;
      for (let left = seconds; left > 0 && !stopped; left--) {
        to.link({ state: "waiting", seconds: left });
        if (await pause(1000)) break;
      }
    }
  }

  void loop();
  return {
    retry: () => {
      failures = 0;
      wake?.();
    },
    stop: () => {
      stopped = true;
      abort?.abort();
      wake?.();
    },
  };
}

class Missing extends Error {}
