import { useSignal } from "@preact/signals";
import { encodeBase64url } from "../../shared/base64url.ts";
import { ask, Trouble } from "./api.ts";

/** Something that the visitor can do. */
export interface Act {
  busy: boolean;
  trouble: Trouble | undefined;
  /** Sends a mutation, unless one is under way, and hands over what was answered. */
  send<T>(field: string, mutation: string, variables: object, done: (data: T) => void, failed?: () => void): void;
  forget(): void;
}

export function useAct(): Act {
  const state = useSignal<{ busy: boolean; trouble: Trouble | undefined }>({ busy: false, trouble: undefined });
  return {
    ...state.value,
    send<T>(field: string, mutation: string, variables: object, done: (data: T) => void, failed?: () => void): void {
      if (state.value.busy) return;
      state.value = { busy: true, trouble: undefined };
      ask<T>(field, mutation, variables).then(
        ({ data }) => {
          state.value = { busy: false, trouble: undefined };
          done(data);
        },
        (e: unknown) => {
          state.value = { busy: false, trouble: e instanceof Trouble ? e : new Trouble("UNAVAILABLE", String(e)) };
          failed?.();
        },
      );
    },
    forget() {
      state.value = { ...state.value, trouble: undefined };
    },
  };
}

/** A key by which the API knows a request that is sent again: what was done, though its answer was lost, is not done twice. */
export const newKey = (): string => encodeBase64url(crypto.getRandomValues(new Uint8Array(16)));
