import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { Poller } from "../../shared/poll.ts";
import { ask, Trouble } from "./api.ts";
import { credential } from "./session.ts";

/** What a view has to show. */
export interface Answer<T> {
  /** Undefined until something was answered. */
  data: T | undefined;
  /** Fields that are null may be there all the same: they could not be read. */
  partial: boolean;
  /** Why the last read failed; what was answered before it stays. */
  trouble: Trouble | undefined;
  /** Reads at once. */
  refresh(): void;
  /** Shows something newer than what was read, and than what is being read. */
  put(data: T): void;
}

interface State<T> {
  data: T | undefined;
  partial: boolean;
  trouble: Trouble | undefined;
}

/** Answers of this visit by what was asked, so that going back shows at once what was there. */
const kept = new Map<string, unknown>();
const mostKept = 50;
credential.subscribe(() => kept.clear());

/**
 * Asks the API, and again every so many milliseconds while what was answered says so. What is asked must not change as long
 * as the component is there: give it a key.
 */
export function useAnswer<T>(
  field: string,
  query: string,
  variables: object,
  every: (state: State<T>) => number | undefined = () => undefined,
): Answer<T> {
  const key = JSON.stringify([query, variables]);
  const state = useSignal<State<T>>({ data: kept.get(key) as T | undefined, partial: false, trouble: undefined });
  const reads = useMemo(() => {
    let version = 0;
    const put = (data: T, partial = false) => {
      version++;
      kept.delete(key);
      kept.set(key, data);
      for (const oldest of kept.keys()) if (kept.size > mostKept) kept.delete(oldest);
      state.value = { data, partial, trouble: undefined };
    };
    const poller = new Poller({
      async read() {
        const before = version;
        try {
          const { data, partial } = await ask<T>(field, query, variables);
          if (before === version) put(data, partial);
        } catch (e) {
          const trouble = e instanceof Trouble ? e : new Trouble("UNAVAILABLE", String(e));
          if (before === version) state.value = { ...state.value, trouble };
          if (trouble.passing) throw trouble;
        }
      },
      // After a failure that may pass the poller itself waits longer each time.
      delay: () => (state.value.trouble?.passing ? 0 : every(state.value)),
    });
    return { poller, put };
  }, []);
  useLayoutEffect(() => {
    void reads.poller.now();
    return () => reads.poller.stop();
  }, []);
  return { ...state.value, refresh: () => void reads.poller.now(), put: reads.put };
}
