import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

/**
 * Something that has to be confirmed. The focus goes to the question, and back where the visitor thinks again. quiet is
 * for what should not look like the thing to do.
 */
export function Sure(props: {
  label: string;
  question: string;
  yes: string;
  no: string;
  busy: boolean;
  quiet?: boolean;
  act: () => void;
}) {
  const asked = useSignal(false);
  const first = useRef<HTMLButtonElement>(null);
  const begun = useRef(false);
  useLayoutEffect(() => {
    if (begun.current) first.current?.focus();
    begun.current = true;
  }, [asked.value]);
  const ask = (value: boolean) => () => {
    asked.value = value;
  };
  if (!asked.value) {
    return (
      <button type="button" class={props.quiet ? "link" : "secondary"} ref={first} onClick={ask(true)}>
        {props.label}
      </button>
    );
  }
  return (
    <div class="sure" role="group" aria-label={props.question}>
      <p>{props.question}</p>
      <div class="pair">
        <button type="button" class="secondary" ref={first} onClick={ask(false)}>
          {props.no}
        </button>
        <button type="button" class="secondary" aria-disabled={props.busy} onClick={props.act}>
          {props.yes}
        </button>
      </div>
    </div>
  );
}
