/// The time cursor: where it is, whether it runs, how fast. Listeners are called at each picture, outside of Preact.
import { signal } from "@preact/signals";

export const speeds = [1, 2, 5, 10, 20, 50, 100] as const;
const text_ms = 200; // the clock and the slider move five times a second

export class Player {
  readonly shown = signal(0); // for what is drawn by Preact
  readonly playing = signal(false);
  readonly speed = signal(10);
  pictures = 0; // since the page was opened, for a test
  #at = 0;
  #from = 0;
  #to = 0;
  #last = 0;
  #shownAt = 0;
  #frame = 0;
  readonly #listeners = new Set<(at: number) => void>();

  get at(): number { return this.#at; }
  get from(): number { return this.#from; }
  get to(): number { return this.#to; }

  setRange(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    this.seek(this.#at);
  }

  seek(at: number): void {
    this.#at = Math.min(this.#to, Math.max(this.#from, at));
    this.shown.value = this.#at;
    this.#tell();
  }

  play(): void {
    if (this.playing.peek())
      return;
    if (this.#at >= this.#to)
      this.#at = this.#from;
    this.playing.value = true;
    this.#last = performance.now();
    this.#frame = requestAnimationFrame(this.#step);
  }

  pause(): void {
    cancelAnimationFrame(this.#frame);
    this.playing.value = false;
    this.shown.value = this.#at;
  }

  toggle(): void {
    if (this.playing.peek())
      this.pause();
    else
      this.play();
  }

  /// Called at once, and at each picture; returns what ends it.
  listen(listener: (at: number) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#at);
    return () => this.#listeners.delete(listener);
  }

  dispose(): void {
    this.pause();
    this.#listeners.clear();
  }

  readonly #step = (now: number): void => {
    // A page that was hidden goes on where it was.
    const passed = Math.min(500, Math.max(0, now - this.#last));
    this.#last = now;
    this.#at = Math.min(this.#to, this.#at + passed * this.speed.peek());
    this.#tell();
    if (now - this.#shownAt >= text_ms) {
      this.#shownAt = now;
      this.shown.value = this.#at;
    }
    if (this.#at >= this.#to)
      this.pause();
    else
      this.#frame = requestAnimationFrame(this.#step);
  };

  #tell(): void {
    this.pictures += 1;
    for (const one of this.#listeners)
      one(this.#at);
  }
}
