import { useAnswer } from "./answer.ts";
import { Book } from "./book.tsx";
import { figure, time } from "./format.ts";
import { Facts, Page, Result } from "./parts.tsx";
import { Plot } from "./plot.tsx";
import query from "./queries/segment.graphql?raw";
import { href } from "./route.ts";
import { bookable, texts } from "./state.ts";
import type { Metric, Segment as Shown } from "./types.ts";

/** A segment with its figures, and the way to book it. */
export function Segment(props: { id: string }) {
  const t = texts.value;
  const answer = useAnswer<{ segment: Shown }>("segment", query, { id: props.id });
  return (
    <Result answer={answer} name="segment" alone>
      {({ segment }) => (
        <Page name="segment" heading={segment.value || t.text("no_value")}>
          <Facts
            facts={[
              ["items", t.number(segment.count)],
              ["made_at", time(t, segment.madeAt)],
              ["run", <a href={href("run", segment.runId)}>{segment.runId}</a>],
            ]}
          />
          {segment.metrics === null && !answer.partial && <p class="note plain">{t.text("no_metadata")}</p>}
          {segment.metrics?.length === 0 && <p class="muted">{t.text("no_metrics")}</p>}
          {segment.metrics?.map((m, i) => (
            <Figures key={m.name} id={`metric-${i}`} metric={m} of={segment.count} />
          ))}
          {bookable.value && <Book segment={segment} />}
        </Page>
      )}
    </Result>
  );
}

/** The figures of one attribute. */
function Figures(props: { id: string; metric: Metric; of: number }) {
  const t = texts.value;
  const { metric: m } = props;
  const same = m.min === m.max;
  return (
    <article class="metric" aria-labelledby={props.id}>
      <h3 id={props.id}>{m.name}</h3>
      {same && <p>{t.text("same", { value: figure(t, m.min) })}</p>}
      {!same && m.histogram.length > 0 && <Plot metric={m} />}
      <Facts
        facts={[
          ["mean", same ? undefined : figure(t, m.mean)],
          ["min", same ? undefined : figure(t, m.min)],
          ["max", same ? undefined : figure(t, m.max)],
          ["sum", figure(t, m.sum)],
          [
            "have_it",
            m.count === props.of ? undefined : t.text("of", { n: t.number(m.count), all: t.number(props.of) }),
          ],
        ]}
      />
      {!same && m.percentiles.length > 0 && (
        <table>
          <caption>{t.text("percentiles")}</caption>
          <thead>
            <tr>
              <th scope="col">{t.text("percentile")}</th>
              <th scope="col">{t.text("value")}</th>
            </tr>
          </thead>
          <tbody>
            {m.percentiles.map((p) => (
              <tr key={p.percent}>
                <th scope="row">
                  {p.percent === 50 ? t.text("median") : t.text("percent", { n: t.number(p.percent) })}
                </th>
                <td>{figure(t, p.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </article>
  );
}
