/// The machines of a stream as signals.
///
/// Shape: `machines` is a plain Map that the stream changes in place. Signals say that something changed: `changes`
///   that any machine did, or that all are known, `members` that one came or left, `version(name)` that this machine did. They move at most
///   once an animation frame, and not while the page is hidden.
import { type ReadonlySignal, type Signal, batch, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { StateMessage } from "./messages";
import { type Knowledge, type Machine, type Outcome, apply, beginConnection, newKnowledge } from "./reducer";

export class Fleet {
  readonly #known: Knowledge = newKnowledge();
  readonly #changes = signal(0);
  readonly #members = signal(0);
  readonly #versions = new Map<string, Signal<number>>();
  readonly #dirty = new Set<string>();
  #membersChanged = false;
  #completeShown = false;
  #frame = 0;

  get machines(): ReadonlyMap<string, Machine> { return this.#known.machines; }
  get changes(): ReadonlySignal<number> { return this.#changes; }
  get members(): ReadonlySignal<number> { return this.#members; }
  get resumeId(): string | null { return this.#known.id; }
  get complete(): boolean { return this.#known.at !== null; }

  version(name: string): ReadonlySignal<number> {
    let found = this.#versions.get(name);
    if (!found)
      this.#versions.set(name, found = signal(0));
    return found;
  }

  /// Read in a component or an effect: runs again when this machine changes.
  machine(name: string): Machine | undefined {
    void this.version(name).value;
    return this.#known.machines.get(name);
  }

  begin(): void { beginConnection(this.#known); }

  /// False: a message was missed.
  take(message: StateMessage): boolean {
    const outcome = apply(this.#known, message);
    this.#note(outcome);
    return !outcome.gap;
  }

  /// Forgets all: another farm.
  clear(): void {
    const names = [...this.#known.machines.keys()];
    Object.assign(this.#known, newKnowledge());
    this.#note({ changed: [], removed: names, members: true, gap: false });
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#dirty.clear();
    this.#versions.clear();
  }

  #note(outcome: Outcome): void {
    for (const name of outcome.changed)
      this.#dirty.add(name);
    for (const name of outcome.removed)
      this.#dirty.add(name);
    this.#membersChanged ||= outcome.members;
    const news = this.#dirty.size > 0 || this.#membersChanged || this.#completeShown !== this.complete;
    if (news && this.#frame === 0)
      this.#frame = requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#frame = 0;
    this.#completeShown = this.complete;
    batch(() => {
      for (const name of this.#dirty) {
        const version = this.#versions.get(name);
        if (version)
          version.value += 1;
      }
      this.#changes.value += 1;
      if (this.#membersChanged)
        this.#members.value += 1;
    });
    this.#dirty.clear();
    this.#membersChanged = false;
  }
}

/// Draws the component again when the signal has moved, at most every `interval_ms`. For lists of all machines.
export function usePaced(of: ReadonlySignal<number>, intervalMs = 1000): number {
  const [seen, setSeen] = useState(of.peek());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const show = () => {
      timer = undefined;
      last = performance.now();
      setSeen(of.peek());
    };
    const stop = of.subscribe(() => {
      if (timer !== undefined)
        return;
      // Never at once: a signal may move while a component is drawn.
      timer = setTimeout(show, Math.max(0, last + intervalMs - performance.now()));
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [of, intervalMs]);
  return seen;
}
