import { clockFace } from "../../shared/countdown.ts";
import { Section } from "../../shared/section.tsx";
import {
  clock,
  closesAt,
  config,
  figures,
  figuresOf,
  now,
  percentOf,
  phase,
  questionText,
  results,
  stale,
  step,
  texts,
} from "./state.ts";
import { identified, left, mine, notice, otherVoter, votable, voted } from "./voting.ts";
import { byToken, type Question } from "./window.ts";

/** The figures, or when they will come; and what the voter can still do. */
export function Results() {
  const t = texts.value;
  const window = config.value;
  const r = results.value;
  if (window === undefined) return null;
  const heading = {
    waiting: "opens_in",
    open: figures.value ? "so_far" : "now_open",
    closed: "closed",
    final: "final",
  }[phase.value];
  return (
    <Section heading={t.text(heading)} name="results">
      {phase.value === "closed" && <p>{t.text("counting")}</p>}
      {phase.value === "open" && window.results === "after_close" && (
        <p>
          {t.text("after_close")} <span class="digits">{clockFace(closesAt.value - now.value)}</span>
        </p>
      )}
      {figures.value && window.questions.map((q) => <Chart key={q.id} question={q} />)}
      {figures.value && r !== undefined && (
        <p class="muted small" data-testid="as-of">
          {t.text("as_of", { time: t.time(Date.parse(r.as_of), clock.now(), true) })}
        </p>
      )}
      {stale.value && <p class="muted small">{t.text("stale")}</p>}
      {phase.value === "open" && <Actions />}
    </Section>
  );
}

/** Bars for the eye, and the same as a table for who cannot see them. Refreshes are not announced. */
function Chart(props: { question: Question }) {
  const t = texts.value;
  const { question } = props;
  const { total, answers } = figuresOf(question);
  return (
    <div class="chart">
      <h3>{questionText(question)}</h3>
      <div class="bars" aria-hidden="true">
        {answers.map((a) => (
          <div key={a.id} class={a.leads ? "row leads" : "row"}>
            <span class="label">
              {a.label}
              {mine.value[question.id] === a.id && <span class="mine">{t.text("your_vote")}</span>}
            </span>
            <span class="share">{percentOf(a.share)}</span>
            <span class="track">
              <span class="bar" style={{ transform: `translateX(${(a.share - 1) * 100}%)` }} />
            </span>
            <span class="votes">{t.count("votes", a.votes)}</span>
          </div>
        ))}
      </div>
      <p class="total">{t.count("votes", total)}</p>
      <div class="hidden">
        <table>
          <caption>{questionText(question)}</caption>
          <thead>
            <tr>
              <th scope="col">{t.text("answer")}</th>
              <th scope="col">{t.text("votes")}</th>
              <th scope="col">{t.text("share")}</th>
            </tr>
          </thead>
          <tbody>
            {answers.map((a) => (
              <tr key={a.id}>
                <th scope="row">
                  {mine.value[question.id] === a.id ? `${a.label} (${t.text("your_vote")})` : a.label}
                </th>
                <td>{t.number(a.votes)}</td>
                <td>{percentOf(a.share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** What a voter can still do while the window is open. */
function Actions() {
  const t = texts.value;
  const window = config.value;
  if (window === undefined) return null;
  const toBallot = () => {
    notice.value = undefined;
    step.value = "ballot";
  };
  if (!identified.value) {
    return (
      <button type="button" class="link" onClick={otherVoter}>
        {t.text("back")}
      </button>
    );
  }
  const some = votable.value.length > 0;
  const more = window.votes_per_voter > 1 && window.questions.some((q) => left(q) > 0);
  const key = more ? "again" : window.questions.some((q) => left(q) > 0) ? "other_questions" : "change";
  return (
    <div class="actions">
      {some ? (
        <button type="button" class="secondary" onClick={toBallot}>
          {t.text(key)}
        </button>
      ) : (
        voted.value && <p class="muted">{t.text("no_change")}</p>
      )}
      {more && window.questions.length === 1 && window.questions[0] && (
        <p class="muted">{t.count("left", left(window.questions[0]))}</p>
      )}
      {!byToken(window) && (
        <button type="button" class="link" onClick={otherVoter}>
          {t.text("other_voter")}
        </button>
      )}
    </div>
  );
}
