import { useEffect, useRef } from "preact/hooks";
import { Field } from "../../shared/field.tsx";
import { Section } from "../../shared/section.tsx";
import { config, phase, step, texts } from "./state.ts";
import { fieldError, identify, leaveForSignIn, notice, ticket, ticketGiven, voter } from "./voting.ts";
import { byToken, provider } from "./window.ts";

/** Asks who votes. */
export function Identify() {
  const t = texts.value;
  const window = config.value;
  const error = fieldError.value;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (error) form.current?.querySelector<HTMLInputElement>(`#${error.field}`)?.focus();
  }, [error]);
  if (window === undefined) return null;
  const watch = phase.value === "open" && window.results === "live" && (
    <button
      type="button"
      class="link"
      onClick={() => {
        notice.value = undefined;
        step.value = "results";
      }}
    >
      {t.text("show_results")}
    </button>
  );
  if (byToken(window)) {
    return (
      <Section heading={t.text("sign_in_text")} name="identify">
        {provider(window) ? (
          <button type="button" class="primary" onClick={() => void leaveForSignIn()}>
            {t.text("sign_in")}
          </button>
        ) : (
          <p>{t.text("need_link")}</p>
        )}
        {watch}
      </Section>
    );
  }
  const label = t.find("voter") ?? window.voter.label ?? t.text("voter_label");
  const wrong = (field: "voter" | "ticket") => (error?.field === field ? t.text(error.key) : undefined);
  const digits = /^[\d[\]{},()?:\\d-]+$/.test(window.voter.pattern ?? "") ? "numeric" : "text";
  return (
    <Section heading={label} name="identify">
      {phase.value === "waiting" && <p class="muted">{t.text("enter_early")}</p>}
      <form
        ref={form}
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          const typed = new FormData(e.currentTarget);
          identify(String(typed.get("voter")), ticketGiven ? ticket.value : String(typed.get("ticket") ?? ""));
        }}
      >
        <Field name="voter" labelledBy="identify" value={voter.value} mode={digits} error={wrong("voter")} />
        {window.voter.ticket && !ticketGiven && (
          <Field
            name="ticket"
            label={t.text("ticket_label")}
            value={ticket.value}
            mode="text"
            error={wrong("ticket")}
          />
        )}
        <button type="submit" class="primary">
          {t.text("next")}
        </button>
      </form>
      {watch}
    </Section>
  );
}
