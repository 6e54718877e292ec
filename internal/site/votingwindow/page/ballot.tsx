import { Section } from "../../shared/section.tsx";
import { config, labelOf, questionText, texts } from "./state.ts";
import { choices, left, missing, otherVoter, sending, submit, votable, voted } from "./voting.ts";
import { byToken, type Question } from "./window.ts";

/** The questions that are left, with their answers. */
export function Ballot() {
  const t = texts.value;
  const window = config.value;
  const questions = votable.value;
  const one = questions.length === 1 ? questions[0] : undefined;
  const busy = sending.value !== "no";
  if (window === undefined) return null;
  return (
    <Section heading={one ? questionText(one) : t.text("submit")} name="ballot">
      <form
        noValidate
        aria-busy={busy}
        onSubmit={(e) => {
          e.preventDefault();
          const form = e.currentTarget;
          void submit().then(() => missing.value && form.querySelector<HTMLInputElement>("input")?.focus());
        }}
      >
        {questions.map((q, i) => (
          <fieldset key={q.id} disabled={busy} aria-labelledby={one ? "ballot" : `q-${q.id}`}>
            {!one && (
              <>
                <p class="eyebrow">
                  {t.text("question_of", { n: t.number(i + 1), total: t.number(questions.length) })}
                </p>
                <h3 id={`q-${q.id}`}>{questionText(q)}</h3>
              </>
            )}
            {window.votes_per_voter > 1 && left(q) > 0 && <p class="muted">{t.count("left", left(q))}</p>}
            <Answers question={q} />
          </fieldset>
        ))}
        {voted.value && window.revote === "replace" && window.votes_per_voter === 1 && (
          <p class="muted">{t.text("may_change")}</p>
        )}
        {missing.value && (
          <p class="error" role="alert">
            {t.text("choose")}
          </p>
        )}
        <button type="submit" class="primary" aria-disabled={busy}>
          {t.text(one ? "submit" : "submit_many")}
        </button>
      </form>
      {!busy && !byToken(window) && (
        <button type="button" class="link" onClick={otherVoter}>
          {t.text("other_voter")}
        </button>
      )}
    </Section>
  );
}

function Answers(props: { question: Question }) {
  const { question } = props;
  return (
    <div class="answers">
      {question.answers.map((a) => (
        <label key={a.id} class="answer">
          <input
            type="radio"
            name={question.id}
            value={a.id}
            checked={choices.value[question.id] === a.id}
            onChange={() => {
              missing.value = false;
              choices.value = { ...choices.value, [question.id]: a.id };
            }}
          />
          <span>{labelOf(question, a.id)}</span>
        </label>
      ))}
    </div>
  );
}
