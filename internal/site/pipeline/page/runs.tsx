import { Progress } from "../../shared/progress.tsx";
import { useAnswer } from "./answer.ts";
import { time } from "./format.ts";
import { Badge, Page, Pager, Result } from "./parts.tsx";
import query from "./queries/runs.graphql?raw";
import { href, type Route } from "./route.ts";
import { texts } from "./state.ts";
import { type Connection, over, type RunRow } from "./types.ts";

const perPage = 20;
/** A list is read again so often, in milliseconds, while a run is under way, and while a new one may begin. */
const [busyMs, idleMs] = [5_000, 30_000];

/** The runs, those that were started last first. */
export function Runs(props: { route: Route }) {
  return (
    <Page key={props.route.query.get("after") ?? ""} name="runs" heading={texts.value.text("runs")}>
      <List route={props.route} />
    </Page>
  );
}

function List(props: { route: Route }) {
  const t = texts.value;
  const after = props.route.query.get("after") ?? undefined;
  const answer = useAnswer<{ runs: Connection<RunRow> }>("runs", query, { first: perPage, after }, ({ data }) => {
    // The API refused, and would again.
    if (data === undefined) return undefined;
    if (data.runs.nodes.some((r) => !over(r.state))) return busyMs;
    return after === undefined ? idleMs : undefined;
  });
  return (
    <Result answer={answer} name="runs" route={props.route}>
      {({ runs: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && (
            <p class="muted" role="status">
              {t.text(pageInfo.endCursor === null ? "no_runs" : "none_here")}
            </p>
          )}
          <ul class="rows">
            {nodes.map((r) => (
              <li key={r.id}>
                <a href={href("run", r.id)}>{r.id}</a>
                <Badge of="state" is={r.state} />
                <span class="muted small">
                  {t.text("started_time", { time: time(t, r.startedAt) ?? "–" })} · {counts(r)}
                </span>
                {r.stuck !== null && <span class="error small">{t.text("stuck")}</span>}
                {!over(r.state) && <Share run={r} />}
              </li>
            ))}
          </ul>
          <Pager route={props.route} end={pageInfo.endCursor} />
        </>
      )}
    </Result>
  );
}

/** Files in words. */
function counts(run: RunRow): string {
  const t = texts.value;
  const files = t.count("files", run.files);
  return run.failed === 0 ? files : `${files}, ${t.count("failed", run.failed)}`;
}

/** How many of the files that are listed so far are in, or failed. */
export function Share(props: { run: RunRow }) {
  const { files, ingested, failed } = props.run;
  return <Progress label={texts.value.text("ingested_share")} share={files === 0 ? 0 : (ingested + failed) / files} />;
}
