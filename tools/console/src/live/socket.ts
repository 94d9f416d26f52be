/// A WebSocket to /api/v1/stream that opens itself again.
///
/// Shape: `resume` goes on after the last message; after a gap the stream begins with a snapshot. Each failed attempt
///   doubles the wait, up to wait_max_ms, with jitter, so that pages do not come back all at once after a restart.
/// Errors: a browser does not tell why an upgrade failed. So the same address is asked once without an upgrade, and
///   `problem` has the node's answer. After 400, 403 and 404 there is no further attempt: the filters are wrong.
import { type ReadonlySignal, signal } from "@preact/signals";
import { address, onUnknown } from "../api/client";
import { type ApiProblem, readProblem } from "../api/problem";
import type { HelloMessage, StreamMessage } from "./messages";

export type LiveState = "connecting" | "live" | "reconnecting" | "refused" | "closed";

const wait_min_ms = 500;
const wait_max_ms = 15_000;
const silence_factor = 2.5; // heartbeats without any message: the connection is dead

/// What the stream shall show. All text patterns, as in the query of the stream.
export interface StreamFilters {
  machines?: string[];
  signals?: string[];
  area?: [west: number, south: number, east: number, north: number];
  field?: string;
  frames?: string; // "all", or a list of pgn:65226 and id:18FEF100
  maxHz?: number;
  brief?: boolean; // bare values, one time for all of a machine
}

export interface SocketListener {
  begin: () => void; // a new connection
  message: (message: StreamMessage) => boolean; // false: open again, without resume
  resumeId: () => string | null;
}

export function waitBefore(attempt: number, random: number): number {
  const longest = Math.min(wait_max_ms, wait_min_ms * 2 ** attempt);
  return longest / 2 + (longest / 2) * random;
}

export class LiveSocket {
  readonly #filters: StreamFilters;
  readonly #listener: SocketListener;
  readonly #state = signal<LiveState>("connecting");
  readonly #problem = signal<ApiProblem | null>(null);
  readonly #hello = signal<HelloMessage | null>(null);
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #probe: AbortController | null = null;
  #attempt = 0;
  #heartbeatMs = 10_000;
  readonly #online = () => { this.#retryNow(); };

  constructor(filters: StreamFilters, listener: SocketListener) {
    this.#filters = filters;
    this.#listener = listener;
    addEventListener("online", this.#online);
    this.#open();
  }

  get state(): ReadonlySignal<LiveState> { return this.#state; }
  get problem(): ReadonlySignal<ApiProblem | null> { return this.#problem; }
  get hello(): ReadonlySignal<HelloMessage | null> { return this.#hello; }

  close(): void {
    this.#state.value = "closed";
    removeEventListener("online", this.#online);
    clearTimeout(this.#timer);
    this.#probe?.abort();
    this.#drop();
  }

  #address(): string {
    const { machines, signals, area, field, frames, maxHz, brief } = this.#filters;
    return address("/api/v1/stream", { query: {
      machines: machines?.join(","), signals: signals?.join(","), area: area?.join(","), field, frames, max_hz: maxHz,
      brief, resume: this.#listener.resumeId(),
    } });
  }

  #drop(): void {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #open(): void {
    this.#drop();
    const url = new URL(this.#address(), location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, "furrow.v1");
    this.#socket = socket;
    let greeted = false;
    socket.onmessage = (event: MessageEvent<string>) => {
      const message = JSON.parse(event.data) as StreamMessage;
      this.#watch();
      if (message.type === "hello") {
        greeted = true;
        this.#heartbeatMs = message.heartbeat_ms || this.#heartbeatMs;
        this.#hello.value = message;
        this.#problem.value = null;
        this.#state.value = "live";
        this.#attempt = 0;
        this.#listener.begin();
      }
      if (!this.#listener.message(message))
        this.#again();
    };
    socket.onclose = () => {
      if (socket !== this.#socket)
        return;
      this.#drop();
      this.#state.value = "reconnecting";
      if (greeted)
        this.#later();
      else
        void this.#askWhy();
    };
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#again(), this.#heartbeatMs * silence_factor);
  }

  #again(): void {
    if (this.#state.value === "closed")
      return;
    this.#drop();
    this.#state.value = "reconnecting";
    this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), waitBefore(this.#attempt, Math.random()));
    this.#attempt += 1;
  }

  #retryNow(): void {
    if (this.#state.value === "reconnecting") {
      clearTimeout(this.#timer);
      this.#open();
    }
  }

  async #askWhy(): Promise<void> {
    const probe = (this.#probe = new AbortController());
    try {
      const answer = await fetch(this.#address(), { signal: probe.signal, cache: "no-store" });
      if (!answer.ok) {
        const problem = readProblem(answer.status, await answer.text());
        this.#problem.value = problem;
        if (problem.status === 401)
          onUnknown.call();
        if ([400, 401, 403, 404].includes(problem.status)) {
          this.#state.value = "refused";
          return;
        }
      }
      probe.abort(); // else the events of the stream would come
    } catch {
      // The node does not answer: try again later.
    }
    if (this.#state.peek() !== "closed")
      this.#later();
  }
}
