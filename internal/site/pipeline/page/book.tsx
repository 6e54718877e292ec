import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { newKey, useAct } from "./act.ts";
import { Wrong } from "./parts.tsx";
import mutation from "./queries/book.graphql?raw";
import { go, href } from "./route.ts";
import { mayWrite } from "./session.ts";
import { clock, said, texts } from "./state.ts";
import type { Segment } from "./types.ts";

/** The API takes bookings for a year ahead. */
const yearMs = 365 * 86_400_000;

/** A time as a field of the kind datetime-local has it, in the visitor's zone. */
function local(ms: number): string {
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Books a segment, now or for a time. */
export function Book(props: { segment: Segment }) {
  const t = texts.value;
  const act = useAct();
  const later = useSignal(false);
  const wrong = useSignal<string>();
  const field = useRef<HTMLInputElement>(null);
  // The same booking has the same key, however often it is sent.
  const sent = useRef({ at: "", key: "" });
  if (!mayWrite.value) return <p class="muted">{t.text("may_not_book")}</p>;

  const refuse = (key: string) => {
    wrong.value = key;
    field.current?.focus();
  };
  const book = () => {
    wrong.value = undefined;
    const typed = later.value ? Date.parse(field.current?.value ?? "") : undefined;
    if (Number.isNaN(typed)) return refuse("at_missing");
    if (typed !== undefined && typed < clock.now() - 60_000) return refuse("at_past");
    if (typed !== undefined && typed > clock.now() + yearMs) return refuse("at_far");
    const at = typed === undefined ? undefined : new Date(typed).toISOString();
    if (sent.current.key === "" || sent.current.at !== (at ?? "")) sent.current = { at: at ?? "", key: newKey() };
    const input = { segment: props.segment.id, idempotencyKey: sent.current.key, ...(at === undefined ? {} : { at }) };
    act.send<{ createBooking: { id: string } }>("createBooking", mutation, { input }, ({ createBooking }) => {
      said.value = t.text("was_booked");
      go(href("booking", createBooking.id));
    });
  };
  const choose = (value: boolean) => () => {
    later.value = value;
    wrong.value = undefined;
    act.forget();
  };
  return (
    <form
      class="book"
      noValidate
      aria-labelledby="book"
      onSubmit={(e) => {
        e.preventDefault();
        book();
      }}
    >
      <h3 id="book">{t.text("book_heading")}</h3>
      <p class="muted">{t.text("book_text")}</p>
      <fieldset>
        <legend class="hidden">{t.text("when")}</legend>
        {([false, true] as const).map((value) => (
          <label class="choice" key={String(value)}>
            <input type="radio" name="when" checked={later.value === value} onChange={choose(value)} />
            <span>{t.text(value ? "at_time" : "at_once")}</span>
          </label>
        ))}
      </fieldset>
      {later.value && (
        <div class="field">
          <label for="at">{t.text("at_label", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</label>
          <input
            id="at"
            name="at"
            type="datetime-local"
            ref={field}
            min={local(clock.now())}
            max={local(clock.now() + yearMs)}
            aria-invalid={wrong.value !== undefined}
            aria-describedby={wrong.value === undefined ? undefined : "at-error"}
          />
          {wrong.value !== undefined && (
            <p class="error" id="at-error" role="alert">
              {t.text(wrong.value)}
            </p>
          )}
        </div>
      )}
      {act.trouble && <Wrong trouble={act.trouble} about="book" />}
      <button type="submit" class="primary" aria-disabled={act.busy}>
        {t.text(act.busy ? "booking_now" : "book")}
      </button>
    </form>
  );
}
