import { useLayoutEffect } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { time } from "./format.ts";
import { Page, Pager, Result } from "./parts.tsx";
import query from "./queries/segments.graphql?raw";
import { go, href, type Route } from "./route.ts";
import { said, texts } from "./state.ts";
import { type SegmentsAnswer, sorts } from "./types.ts";

const perPage = 20;

/** The segments of the current upload: a page of them, those that are searched for, in an order. */
export function Segments(props: { route: Route }) {
  const { query: at } = props.route;
  // A new page begins at its heading; who searches stays in the form.
  return (
    <Page key={at.get("after") ?? ""} name="segments" heading={texts.value.text("segments")}>
      <Search route={props.route} />
      <List key={String(at)} route={props.route} />
    </Page>
  );
}

function Search(props: { route: Route }) {
  const t = texts.value;
  const { query: at } = props.route;
  const search = (form: HTMLFormElement) => {
    const typed = new FormData(form);
    const sort = String(typed.get("sort"));
    go(href("segments", "", { search: String(typed.get("search")).trim(), sort: sort === sorts[0] ? "" : sort }));
  };
  return (
    <form
      class="search"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        search(e.currentTarget);
      }}
    >
      <div class="field">
        <label for="search">{t.text("search_label")}</label>
        <input
          id="search"
          name="search"
          type="search"
          autocomplete="off"
          spellcheck={false}
          maxLength={64}
          value={at.get("search") ?? ""}
        />
      </div>
      <div class="field">
        <label for="sort">{t.text("sort_label")}</label>
        <select
          id="sort"
          name="sort"
          value={at.get("sort") ?? sorts[0]}
          onChange={(e) => e.currentTarget.form && search(e.currentTarget.form)}
        >
          {sorts.map((s) => (
            <option key={s} value={s}>
              {t.text(`sort_${s}`)}
            </option>
          ))}
        </select>
      </div>
      <button type="submit" class="secondary">
        {t.text("search")}
      </button>
    </form>
  );
}

function List(props: { route: Route }) {
  const t = texts.value;
  const { query: at } = props.route;
  const given = (name: string) => at.get(name) ?? undefined;
  const variables = { first: perPage, after: given("after"), search: given("search"), sort: given("sort") };
  const answer = useAnswer<SegmentsAnswer>("segments", query, variables);
  const found = answer.data?.segments.totalCount;
  useLayoutEffect(() => {
    // The focus stays in the form, so that nothing else would say it.
    if (found !== undefined && at.has("search"))
      said.value = found === 0 ? t.text("none_found") : t.count("segments", found);
  }, [found]);
  return (
    <Result answer={answer} name="segments" route={props.route}>
      {({ manifest, segments }) => {
        const most = Math.max(1, ...segments.nodes.map((s) => s.count));
        return (
          <>
            <p class="muted">
              {manifest === null && segments.totalCount === 0
                ? t.text("no_manifest")
                : segments.totalCount === 0
                  ? t.text("none_found")
                  : t.count("segments", segments.totalCount)}
            </p>
            <ul class="rows">
              {segments.nodes.map((s) => (
                <li key={s.id}>
                  <a href={href("segment", s.id)}>{s.value || t.text("no_value")}</a>
                  <span class="amount">{t.count("items", s.count)}</span>
                  <span class="track" aria-hidden="true">
                    <span style={{ width: `${(100 * s.count) / most}%` }} />
                  </span>
                </li>
              ))}
            </ul>
            <Pager route={props.route} end={segments.pageInfo.endCursor} />
            {manifest !== null && (
              <p class="muted small">
                {t.text("manifest", { time: time(t, manifest.uploadedAt) ?? "" })}{" "}
                <a href={href("run", manifest.runId)}>{t.text("its_run")}</a>
              </p>
            )}
          </>
        );
      }}
    </Result>
  );
}
