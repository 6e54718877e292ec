import { clockFace } from "../../shared/countdown.ts";
import { Section } from "../../shared/section.tsx";
import { act, acting } from "./acts.ts";
import { Leave, Sound } from "./place.tsx";
import { now, snapshot, texts } from "./state.ts";

/** The visitor's turn, which has to be taken in time. */
export function Called() {
  const t = texts.value;
  return (
    <Section heading={t.text("called")} name="called">
      <p>{t.text("called_text")}</p>
      <Left label="left_to_claim" />
      <button type="button" class="primary" aria-disabled={acting.value} onClick={() => void act("claim")}>
        {t.text("claim")}
      </button>
      <Sound />
      <Leave label="give_back" />
    </Section>
  );
}

/** The way to the purchase, while the window is open. */
export function Claimed() {
  const t = texts.value;
  const s = snapshot.value;
  const renewals = s?.renewalsLeft ?? 0;
  return (
    <Section heading={t.text("claimed")} name="claimed">
      <p>{t.text("claimed_text")}</p>
      <Left label="left_to_buy" />
      {s?.purchaseURL !== undefined && /^https?:/i.test(s.purchaseURL) && (
        <a class="primary" href={s.purchaseURL} target="_blank" rel="noopener noreferrer">
          {t.text("purchase")}
        </a>
      )}
      {renewals > 0 && (
        <>
          <button type="button" class="secondary" aria-disabled={acting.value} onClick={() => void act("renew")}>
            {t.text("renew")}
          </button>
          <p class="muted small center">{t.count("renewals", renewals)}</p>
        </>
      )}
      <Leave label="give_back" />
    </Section>
  );
}

/** How long the turn or the window lasts. */
function Left(props: { label: "left_to_claim" | "left_to_buy" }) {
  const until = snapshot.value?.until;
  if (until === undefined) return null;
  return (
    <div class="countdown" role="timer" data-testid="left">
      <p>{texts.value.text(props.label)}</p>
      <div class="tiles">
        <span class="digits">{clockFace(until - now.value)}</span>
      </div>
    </div>
  );
}
