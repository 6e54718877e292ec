import { figure } from "./format.ts";
import { texts } from "./state.ts";
import type { Metric } from "./types.ts";

/** The height of the tallest bar in the plot's own units, which are stretched to its size. */
const height = 100;
/** A bar that stands for anything at all is so high at least. */
const least = 1.5;

/**
 * How an attribute's values, which are not all the same, are spread: a bar for each bucket, with the median where it is known. Who cannot see it hears
 * where most values are, and anybody may open the same as a table.
 */
export function Plot(props: { metric: Metric }) {
  const t = texts.value;
  const { histogram, min, max, percentiles } = props.metric;
  const most = Math.max(1, ...histogram.map((b) => b.count));
  const fullest = histogram.find((b) => b.count === most);
  const median = percentiles.find((p) => p.percent === 50)?.value;
  const at = median === undefined ? undefined : ((median - min) / (max - min)) * histogram.length;
  const between = (b: { from: number; to: number }) =>
    t.text("between", { from: figure(t, b.from), to: figure(t, b.to) });
  return (
    <figure class="plot">
      <svg
        viewBox={`0 0 ${histogram.length} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t.text("plot", { range: between({ from: min, to: max }), most: fullest ? between(fullest) : "" })}
      >
        {histogram.map((b, i) => {
          const tall = b.count === 0 ? 0 : Math.max(least, (b.count / most) * height);
          return <rect key={b.from} x={i + 0.06} width={0.88} y={height - tall} height={tall} />;
        })}
        {at !== undefined && (
          <>
            <line class="halo" x1={at} x2={at} y1={0} y2={height} />
            <line x1={at} x2={at} y1={0} y2={height} />
          </>
        )}
      </svg>
      <div class="axis" aria-hidden="true">
        <span>{figure(t, min)}</span>
        <span>{figure(t, (min + max) / 2)}</span>
        <span>{figure(t, max)}</span>
      </div>
      <figcaption class="muted small">
        {t.count("tallest", most)}
        {at !== undefined && median !== undefined && (
          <span class="legend"> {t.text("median_line", { value: figure(t, median) })}</span>
        )}
      </figcaption>
      <details>
        <summary>{t.text("as_table")}</summary>
        <table>
          <caption class="hidden">{props.metric.name}</caption>
          <thead>
            <tr>
              <th scope="col">{t.text("range")}</th>
              <th scope="col">{t.text("values")}</th>
            </tr>
          </thead>
          <tbody>
            {histogram.map((b, i) => (
              <tr key={i}>
                <th scope="row">{between(b)}</th>
                <td>{t.number(b.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
