import { useLayoutEffect, useRef } from "preact/hooks";
import { Progress } from "../../shared/progress.tsx";
import { Sure } from "../../shared/sure.tsx";
import { newKey, useAct } from "./act.ts";
import { useAnswer } from "./answer.ts";
import { bytes, dollars, span, time } from "./format.ts";
import { Badge, Facts, Page, Pager, Result, Wrong } from "./parts.tsx";
import failuresQuery from "./queries/failures.graphql?raw";
import mutation from "./queries/replay.graphql?raw";
import runQuery from "./queries/run.graphql?raw";
import { go, href, type Route } from "./route.ts";
import { Share } from "./runs.tsx";
import { mayWrite } from "./session.ts";
import { clock, said, texts } from "./state.ts";
import { type Connection, type Failure, over, type Run as Shown } from "./types.ts";

/** How often a run that is under way is looked at, in milliseconds. */
const everyMs = 5_000;
const perPage = 50;

/** A run: how far it is, what it took, what failed, and the way to replay it. */
export function Run(props: { route: Route }) {
  const t = texts.value;
  const { id, query } = props.route;
  const begun = query.has("begun");
  const answer = useAnswer<{ run: Shown }>("run", runQuery, { id }, ({ data, trouble }) =>
    data === undefined
      ? begun && trouble?.code === "NOT_FOUND"
        ? everyMs
        : undefined
      : over(data.run.state)
        ? undefined
        : everyMs,
  );
  const state = answer.data?.run.state;
  const last = useRef(state);
  useLayoutEffect(() => {
    if (last.current !== undefined && state !== undefined && last.current !== state)
      said.value = t.text(`state_${state}`);
    last.current = state;
  }, [state]);
  if (begun && answer.data === undefined && answer.trouble?.code === "NOT_FOUND") {
    return (
      <Page name="run" heading={t.text("run_of", { run: id })}>
        <p role="status">{t.text("run_begins")}</p>
      </Page>
    );
  }
  return (
    <Result answer={answer} name="run" alone>
      {({ run }) => (
        <Page name="run" heading={t.text("run_of", { run: run.id })}>
          <p>
            <Badge of="state" is={run.state} />
          </p>
          {run.reason !== null && (
            <p class="note error">
              {t.text("reason")} <span lang="en">{run.reason}</span>
            </p>
          )}
          {run.stuck !== null && (
            <p class="note error">
              {t.text("stuck")} <span lang="en">{run.stuck}</span>
            </p>
          )}
          <Stages run={run} />
          <What run={run} />
          <Failed run={run} />
          {over(run.state) && mayWrite.value && <Replay run={run} />}
        </Page>
      )}
    </Result>
  );
}

/** The counts of each stage, with bars while it is under way. */
function Stages(props: { run: Shown }) {
  const t = texts.value;
  const { run } = props;
  return (
    <>
      <Facts
        facts={[
          ["listed", t.number(run.files)],
          ["ingested", t.number(run.ingested)],
          ["failed", t.number(run.failed)],
          ["items", t.number(run.items)],
          ["segments", run.ingestedAt === null ? undefined : t.number(run.segments)],
          ["described", run.ingestedAt === null ? undefined : t.number(run.described)],
          ["gone", run.gone === 0 ? undefined : t.number(run.gone)],
        ]}
      />
      {(run.state === "LISTING" || run.state === "INGESTING") && <Share run={run} />}
      {run.state === "LISTING" && <p class="muted small">{t.text("listing_on")}</p>}
      {run.state === "DESCRIBING" && (
        <Progress label={t.text("described_share")} share={run.segments === 0 ? 0 : run.described / run.segments} />
      )}
    </>
  );
}

/** Where it came from, when, and what it took of AWS. */
function What(props: { run: Shown }) {
  const t = texts.value;
  const { run } = props;
  const began = run.startedAt === null ? undefined : Date.parse(run.startedAt);
  const ended = run.doneAt === null ? clock.now() : Date.parse(run.doneAt);
  return (
    <Facts
      facts={[
        ["prefix", <code>{run.prefix || "/"}</code>],
        [
          run.failedOnly ? "replay_of_failed" : "replay_of",
          run.replayOf === null ? undefined : <a href={href("run", run.replayOf)}>{run.replayOf}</a>,
        ],
        ["uploaded_at", time(t, run.uploadedAt)],
        ["started_at", time(t, run.startedAt)],
        ["done_at", time(t, run.doneAt)],
        [run.doneAt === null ? "takes" : "took", began === undefined ? undefined : span(t, ended - began)],
        ["read", bytes(t, run.cost.bytes)],
        ["calls", t.number(run.cost.calls)],
        ["write_units", t.number(run.cost.writeUnits)],
        ["cost", run.cost.usd === null ? undefined : dollars(t, run.cost.usd)],
      ]}
    />
  );
}

/** Why files failed. A reason that the page does not know is shown as the API has it. */
function Failed(props: { run: Shown }) {
  const t = texts.value;
  const { run } = props;
  if (run.failed === 0) return null;
  return (
    <>
      <table>
        <caption>{t.text("by_reason")}</caption>
        <thead>
          <tr>
            <th scope="col">{t.text("reason_column")}</th>
            <th scope="col">{t.text("files")}</th>
          </tr>
        </thead>
        <tbody>
          {run.failuresByReason.map((r) => (
            <tr key={r.reason}>
              <th scope="row">{reason(r.reason)}</th>
              <td>{t.number(r.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <a href={href("failures", run.id)}>{t.text("to_failures")}</a>
      </p>
    </>
  );
}

const reason = (of: string): string => texts.value.find(`reason_${of}`) ?? of;

/** Takes the upload again: all of its files, or those that failed. */
function Replay(props: { run: Shown }) {
  const t = texts.value;
  const act = useAct();
  // A replay that is asked for again, since its answer was lost, is the same one.
  const keys = useRef({ all: newKey(), failed: newKey() });
  const replay = (failedOnly: boolean) => () =>
    act.send<{ replayRun: { runId: string } }>(
      "replayRun",
      mutation,
      { id: props.run.id, failedOnly, idempotencyKey: keys.current[failedOnly ? "failed" : "all"] },
      ({ replayRun }) => {
        said.value = t.text("replay_begun");
        go(href("run", replayRun.runId, { begun: "1" }));
      },
    );
  return (
    <div class="replay" role="group" aria-labelledby="replay">
      <h3 id="replay">{t.text("replay_heading")}</h3>
      <p class="muted">{t.text("replay_text")}</p>
      {act.trouble && <Wrong trouble={act.trouble} about="replay" />}
      {([true, false] as const)
        .filter((failedOnly) => !failedOnly || props.run.failed > 0)
        .map((failedOnly) => (
          <Sure
            key={String(failedOnly)}
            label={failedOnly ? t.count("replay_failed", props.run.failed) : t.text("replay_all")}
            question={t.text(failedOnly ? "replay_failed_sure" : "replay_all_sure")}
            yes={t.text("replay_yes")}
            no={t.text("replay_no")}
            busy={act.busy}
            act={replay(failedOnly)}
          />
        ))}
    </div>
  );
}

/** The failed files of a run. */
export function Failures(props: { route: Route }) {
  const t = texts.value;
  const { id, query } = props.route;
  const after = query.get("after") ?? undefined;
  const answer = useAnswer<{ run: { failures: Connection<Failure> | null } }>("run", failuresQuery, {
    id,
    first: perPage,
    after,
  });
  return (
    <Page name="failures" heading={t.text("failures")}>
      <p>
        <a href={href("run", id)}>{t.text("run_of", { run: id })}</a>
      </p>
      <Result answer={answer} name="failures" route={props.route}>
        {({ run: { failures } }) =>
          failures !== null && (
            <>
              {failures.nodes.length === 0 && (
                <p class="muted" role="status">
                  {t.text(failures.pageInfo.endCursor === null ? "no_failures" : "none_here")}
                </p>
              )}
              <ul class="rows">
                {failures.nodes.map((f) => (
                  <li key={f.key}>
                    <code>{f.key}</code>
                    <span class="muted small">
                      {reason(f.reason)}
                      {f.detail !== null && <span lang="en"> ({f.detail})</span>}
                    </span>
                  </li>
                ))}
              </ul>
              <Pager route={props.route} end={failures.pageInfo.endCursor} />
            </>
          )
        }
      </Result>
    </Page>
  );
}
