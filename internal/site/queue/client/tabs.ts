// Several tabs of one fan: one asks, and all show. The tab that was looked at last asks, since browsers slow down the
// timers of hidden ones.

/** Tabs of one origin that share a name. T is what the asking tab tells the others. */
export class Tabs<T> {
  readonly #name: string;
  readonly #channel: BroadcastChannel | undefined;
  readonly #leads: (leads: boolean) => void;
  readonly #closed = new AbortController();
  /** Gives the lock back; there while this tab asks. */
  #release: (() => void) | undefined;
  /** Gives up the place in the queue for the lock. */
  #queued: AbortController | undefined;
  /** Counts requests for the lock: only the last one matters. */
  #request = 0;

  constructor(name: string, on: { leads(leads: boolean): void; told(value: T): void; asked(): void }) {
    this.#name = name;
    this.#leads = on.leads;
    this.#channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(name) : undefined;
    this.#channel?.addEventListener(
      "message",
      (e: MessageEvent<{ value?: T }>) => {
        if (e.data.value === undefined) on.asked();
        else on.told(e.data.value);
      },
      { signal: this.#closed.signal },
    );
    // Asks for what the other tabs know.
    this.#channel?.postMessage({});
  }

  /** Begins: this tab asks where no other does, or at once where it is looked at. */
  start(): void {
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.take(), {
      signal: this.#closed.signal,
    });
    if (document.visibilityState === "visible") this.take();
    else this.#queue();
  }

  /** Makes this tab the one that asks. Without the Web Locks API, as on plain HTTP, every tab is. */
  take(): void {
    if (this.#release !== undefined) return;
    this.#queued?.abort();
    void this.#hold({ steal: true });
  }

  tell(value: T): void {
    if (!this.#closed.signal.aborted) this.#channel?.postMessage({ value });
  }

  close(): void {
    this.#closed.abort();
    this.#queued?.abort();
    this.#release?.();
    this.#channel?.close();
  }

  /** Waits until the tab that has the lock goes. */
  #queue(): void {
    this.#queued = new AbortController();
    void this.#hold({ signal: this.#queued.signal });
  }

  async #hold(options: LockOptions): Promise<void> {
    const request = ++this.#request;
    const held = () =>
      new Promise<void>((resolve) => {
        if (this.#closed.signal.aborted) return resolve();
        this.#release = resolve;
        this.#leads(true);
      });
    if (navigator.locks === undefined) return void held();
    // Rejects where another tab takes the lock, or the place in the queue is given up.
    await navigator.locks.request(this.#name, options, held).catch(() => undefined);
    if (this.#closed.signal.aborted || request !== this.#request) return;
    this.#release = undefined;
    this.#leads(false);
    this.#queue();
  }
}
