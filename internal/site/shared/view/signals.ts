// Signals: values that tell who has read them when they change. A small part of what @preact/signals has, under its names.

interface Readable {
  peek(): unknown;
}
/** What was read, and what it was. */
type Reads = Map<Readable, unknown>;

/** Something that is done again when what it read has changed. */
interface Watcher {
  reads: Reads;
  again(): void;
}

let reading: Reads | undefined;
/** Counts changes, so that nothing is compared twice for one. */
let changes = 0;
let settling = false;
const watchers = new Set<Watcher>();

/** Runs something and notes what it reads. */
function observed<T>(run: () => T): [T, Reads] {
  const outer = reading;
  const reads: Reads = new Map();
  reading = reads;
  try {
    return [run(), reads];
  } finally {
    reading = outer;
  }
}

const differ = (reads: Reads): boolean => [...reads].some(([source, was]) => !Object.is(source.peek(), was));

function settle(): void {
  if (settling) return;
  settling = true;
  try {
    for (let found = true; found;) {
      found = false;
      for (const watcher of watchers) {
        if (!differ(watcher.reads)) continue;
        found = true;
        watcher.again();
      }
    }
  } finally {
    settling = false;
  }
}

abstract class Source<T> {
  abstract peek(): T;

  get value(): T {
    const value = this.peek();
    reading?.set(this, value);
    return value;
  }

  /** Calls back with the value, now and whenever it is another. */
  subscribe(listener: (value: T) => void): () => void {
    return effect(() => {
      const { value } = this;
      observed(() => listener(value));
    });
  }
}

class Signal<T> extends Source<T> {
  #value: T;

  constructor(value: T) {
    super();
    this.#value = value;
  }

  override get value(): T {
    return super.value;
  }

  override set value(next: T) {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    changes++;
    settle();
  }

  peek(): T {
    return this.#value;
  }
}

class Computed<T> extends Source<T> {
  readonly #compute: () => T;
  #known: [value: T, reads: Reads] | undefined;
  #checked = 0;

  constructor(compute: () => T) {
    super();
    this.#compute = compute;
  }

  peek(): T {
    if (this.#known === undefined || (this.#checked !== changes && differ(this.#known[1]))) {
      this.#known = observed(this.#compute);
    }
    this.#checked = changes;
    return this.#known[0];
  }
}

/** A value that can be set. */
export function signal<T>(): Signal<T | undefined>;
export function signal<T>(value: T): Signal<T>;
export function signal<T>(value?: T): Signal<T | undefined> {
  return new Signal(value);
}

/** A value that follows from others. */
export const computed = <T>(compute: () => T): Computed<T> => new Computed(compute);

/** Does something now, and again whenever what it read has changed. Returns what ends that. */
export function effect(run: () => void): () => void {
  const watcher: Watcher = {
    reads: new Map(),
    again() {
      [, watcher.reads] = observed(run);
    },
  };
  watcher.again();
  watchers.add(watcher);
  settle(); // It may have set what it read.
  return () => watchers.delete(watcher);
}

/** The same, where several changes in a row are to be one: it is done again as soon as all that runs now has. */
export function effectLater(run: () => void): void {
  const watcher: Watcher = {
    reads: new Map(),
    again() {
      watcher.reads = new Map();
      queueMicrotask(now);
    },
  };
  const now = () => {
    [, watcher.reads] = observed(run);
    settle();
  };
  watchers.add(watcher);
  now();
}
