import { useEffect, useRef } from "preact/hooks";
import { Field } from "../../shared/field.tsx";
import { Opening } from "../../shared/opening.tsx";
import { Section } from "../../shared/section.tsx";
import { code, codeError, join, leaveForSignIn, unknown } from "./acts.ts";
import { provider } from "./sale.ts";
import { config, joinsFrom, now, snapshot, texts } from "./state.ts";

/** The countdown to the pre-queue or the opening, until the sale is open. */
export function Before() {
  const t = texts.value;
  const s = snapshot.value;
  const opensAt = s?.opensAt;
  if (opensAt === undefined || (s?.sale !== "scheduled" && s?.sale !== "gathering")) return null;
  const until = joinsFrom.value ?? opensAt;
  return (
    <>
      <Opening label={t.text(until < opensAt ? "joins_in" : "opens_in")} rest={until - now.value} texts={t} />
      <p class="muted center">{t.text("opens_at", { time: t.time(opensAt, now.value) })}</p>
    </>
  );
}

/** How a visitor joins: at once, in the draw, or by themselves at the opening. */
export function Join() {
  const t = texts.value;
  const s = snapshot.value;
  const sale = config.value;
  const form = useRef<HTMLFormElement>(null);
  const error = codeError.value;
  useEffect(() => {
    if (error !== undefined) form.current?.querySelector("input")?.focus();
  }, [error]);
  if (sale === undefined || s === undefined) return null;
  const way = joinsFrom.value !== undefined ? "join_early" : s.sale === "gathering" && s.draws ? "join_draw" : "join";
  return (
    <>
      <Before />
      <Section heading={t.text(way)} name="join">
        <p>{t.text(`${way}_text`)}</p>
        {(s.waiting ?? 0) > 0 && <p class="muted">{t.count("people", s.waiting ?? 0)}</p>}
        {unknown.value ? (
          provider(sale) ? (
            <>
              <p>{t.text("sign_in_text")}</p>
              <button type="button" class="primary" onClick={() => void leaveForSignIn()}>
                {t.text("sign_in")}
              </button>
            </>
          ) : (
            <p>{t.text("need_link")}</p>
          )
        ) : (
          <form
            ref={form}
            noValidate
            onSubmit={(e) => {
              e.preventDefault();
              const typed = new FormData(e.currentTarget).get("code");
              void join(typed === null ? undefined : String(typed));
            }}
          >
            {sale.codes && (
              <Field
                name="code"
                label={t.find("code") ?? t.text("code_label")}
                value={code.value}
                mode="text"
                error={error === undefined ? undefined : t.text(error)}
              />
            )}
            <button type="submit" class="primary">
              {t.text(way)}
            </button>
          </form>
        )}
      </Section>
    </>
  );
}
