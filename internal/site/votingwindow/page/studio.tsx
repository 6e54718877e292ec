import { clockFace } from "../../shared/countdown.ts";
import {
  closesAt,
  config,
  figures,
  figuresOf,
  fragment,
  loadFailed,
  now,
  opensAt,
  percentOf,
  phase,
  questionText,
  rehearsal,
  texts,
  title,
} from "./state.ts";
import { beside } from "./window.ts";

/** How long each question stays on the screen where there are several, in milliseconds. */
const turn = 12_000;

/** The view for the screen behind a host: no form, no small print. */
export function Studio() {
  const t = texts.value;
  const window = config.value;
  if (window === undefined) {
    return (
      <main class="stage">
        <p role="status">{t.text(loadFailed.value ? "load_failed" : "loading")}</p>
      </main>
    );
  }
  const pinned = window.questions.find((q) => q.id === fragment.get("question"));
  const shown = Math.floor(now.value / turn) % window.questions.length;
  const question = pinned ?? window.questions[shown] ?? window.questions[0];
  if (question === undefined) return null;
  const { total, answers } = figuresOf(question);
  const show = figures.value;
  return (
    <main class="stage" data-phase={phase.value}>
      <header>
        {window.logo !== undefined && <img class="logo" src={beside(window.logo).href} alt="" />}
        <h1>{title.value}</h1>
        <Clock />
      </header>
      <section key={question.id} class="scene" aria-labelledby="scene">
        <h2 id="scene">{questionText(question)}</h2>
        <ol
          class={answers.length > 6 ? "bars two" : "bars"}
          style={{ "--rows": Math.ceil(answers.length / (answers.length > 6 ? 2 : 1)) }}
        >
          {answers.map((a) => (
            <li key={a.id} class={show && a.leads ? "row leads" : "row"}>
              <span class="label">{a.label}</span>
              {show && (
                <span class="figures">
                  <span class="votes">{t.number(a.votes)}</span> <span class="share">{percentOf(a.share)}</span>
                </span>
              )}
              <span class="track" aria-hidden="true">
                <span class="bar" style={{ transform: `translateX(${((show ? a.share : 0) - 1) * 100}%)` }} />
              </span>
            </li>
          ))}
        </ol>
      </section>
      <footer>
        <p class="total">{show ? t.count("votes", total) : ""}</p>
        {window.questions.length > 1 && !pinned && (
          <p class="turns" aria-hidden="true">
            {window.questions.map((q) => (
              <span key={q.id} class={q === question ? "on" : ""} />
            ))}
          </p>
        )}
      </footer>
    </main>
  );
}

function Clock() {
  const t = texts.value;
  if (rehearsal.value) return <p class="sign">{t.text("rehearsal")}</p>;
  switch (phase.value) {
    case "waiting":
    case "open": {
      const open = phase.value === "open";
      return (
        <p class={open ? "sign live" : "sign"}>
          <span>{t.text(open ? "closes_in" : "opens_in")}</span>{" "}
          <span class="digits" role="timer" data-testid="countdown">
            {clockFace((open ? closesAt : opensAt).value - now.value)}
          </span>
        </p>
      );
    }
    default:
      return <p class="sign done">{t.text(phase.value === "final" ? "final" : "closed")}</p>;
  }
}
