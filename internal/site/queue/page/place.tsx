import { Progress } from "../../shared/progress.tsx";
import { Section } from "../../shared/section.tsx";
import { Sure } from "../../shared/sure.tsx";
import { act, acting } from "./acts.ts";
import { muted, toggle, unlocked } from "./sound.ts";
import { now, snapshot, texts } from "./state.ts";

/** Where the visitor is in the line, and for how long still. */
export function Place() {
  const t = texts.value;
  const s = snapshot.value;
  const ahead = s?.ahead;
  if (s === undefined) return null;
  return (
    <Section heading={t.text(ahead === 0 ? "next" : "waiting")} name="place">
      {ahead === 0 ? (
        <p class="ahead">{t.text("next_text")}</p>
      ) : (
        ahead !== undefined && (
          <p class="ahead" data-testid="ahead">
            <span class="digits">{t.number(ahead)}</span> <span>{t.count("ahead", ahead)}</span>
          </p>
        )
      )}
      {s.progress !== undefined && <Progress label={t.text("progress")} share={s.progress} />}
      <dl class="facts">
        <div>
          <dt>{t.text("wait")}</dt>
          <dd data-testid="wait">{wait()}</dd>
        </div>
        {s.place !== undefined && (
          <div>
            <dt>{t.text("place")}</dt>
            <dd>{t.number(s.place)}</dd>
          </div>
        )}
      </dl>
      <p class="note plain">{t.text("may_leave")}</p>
      <Sound />
      <Leave label="leave" />
      {s.asOf !== undefined && (
        <p class="muted small center">{t.text("as_of", { time: t.time(s.asOf, now.value, true) })}</p>
      )}
    </Section>
  );
}

/** The estimated wait in words: minutes, from two hours on hours. */
function wait(): string {
  const t = texts.value;
  const estimate = snapshot.value?.estimate;
  if (estimate === undefined) return t.text("wait_unknown");
  if (estimate.high < 60) return t.text("wait_short");
  const [unit, seconds] = estimate.high > 7200 ? ["wait_hours", 3600] : ["wait_minutes", 60];
  const from = Math.max(1, Math.floor(estimate.low / seconds));
  const to = Math.max(from, Math.ceil(estimate.high / seconds));
  if (to - from < 2) return t.count(unit, to);
  return t.text(unit, { from: t.number(from), to: t.number(to) });
}

/** Turns the sound of "your turn" on and off. A browser keeps quiet until the visitor has asked for it. */
export function Sound() {
  const on = unlocked.value && !muted.value;
  return (
    <button type="button" class="secondary" onClick={() => void toggle()}>
      {texts.value.text(on ? "sound_off" : "sound_on")}
    </button>
  );
}

/** Leaving, which has to be confirmed. */
export function Leave(props: { label: "leave" | "give_back" }) {
  const t = texts.value;
  return (
    <Sure
      label={t.text(props.label)}
      question={t.text("leave_sure")}
      yes={t.text("leave_yes")}
      no={t.text("leave_no")}
      busy={acting.value}
      quiet
      act={() => void act("leave")}
    />
  );
}
