// What several views have.
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { Section } from "../../shared/section.tsx";
import type { Answer } from "./answer.ts";
import type { Trouble } from "./api.ts";
import { href, type Route, type View } from "./route.ts";
import { online, texts, title } from "./state.ts";
import { type BookingStatus, over, type RunState } from "./types.ts";

/** A view with its heading, which is the page's title too. */
export function Page(props: { name: View | "sign_in" | "unknown"; heading: string; children: ComponentChildren }) {
  useLayoutEffect(() => {
    document.title = `${props.heading} – ${title.value}`;
  }, [props.heading, title.value]);
  return (
    <Section name={props.name} heading={props.heading}>
      {props.children}
    </Section>
  );
}

/**
 * What was answered, or why nothing was. Where it is alone, trouble that leaves nothing to show is a view of its own, since
 * the answer would have had the heading.
 */
export function Result<T>(props: {
  answer: Answer<T>;
  name: View;
  alone?: boolean;
  /** Of a list: from a page that cannot be shown a way leads to the first. */
  route?: Route;
  children: (data: T) => ComponentChildren;
}) {
  const t = texts.value;
  const { data, partial, trouble, refresh } = props.answer;
  if (data === undefined) {
    if (trouble === undefined) {
      return (
        <p class="muted" role="status">
          {t.text("loading")}
        </p>
      );
    }
    const wrong = (
      <>
        <Wrong trouble={trouble} about={props.name} />
        {(trouble.passing || trouble.code === "LIMIT") && (
          <button type="button" class="secondary" onClick={refresh}>
            {t.text("try_again")}
          </button>
        )}
      </>
    );
    if (!props.alone) {
      return (
        <>
          {wrong}
          {props.route && <Pager route={props.route} end={null} />}
        </>
      );
    }
    return (
      <Page name={props.name} heading={t.text("trouble")}>
        {wrong}
      </Page>
    );
  }
  return (
    <>
      {trouble !== undefined && online.value && (
        <p class="note plain" role="status">
          {t.text(trouble.passing ? "stale" : "not_refreshed")}
        </p>
      )}
      {partial && <p class="note plain">{t.text("partial")}</p>}
      {props.children(data)}
    </>
  );
}

/** Why something did not work, in words: those about it, else those of the code. The API's own are more exact, in English. */
export function Wrong(props: { trouble: Trouble; about: string }) {
  const t = texts.value;
  const { code, message } = props.trouble;
  const exact = message !== "" && ["BAD_INPUT", "LIMIT", "FORBIDDEN"].includes(code);
  return (
    <div class="note error" role="alert">
      <p>{t.find(`${props.about}_${code}`) ?? t.text(code)}</p>
      {exact && (
        <p class="small" lang="en">
          {message}
        </p>
      )}
    </div>
  );
}

/** How far a run or a booking is. */
export function Badge(props: { of: "state" | "status"; is: RunState | BookingStatus }) {
  const { is } = props;
  const tone = is === "FAILED" ? "bad" : is === "DONE" || is === "UPLOADED" ? "good" : over(is) ? "idle" : "busy";
  return <span class={`badge ${tone}`}>{texts.value.text(`${props.of}_${is}`)}</span>;
}

/** Figures with their names; those without a value are left out. */
export function Facts(props: { facts: [label: string, value: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {props.facts
        .filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([label, value]) => (
          <div key={label}>
            <dt>{texts.value.text(label)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** Which page was before which, by where a page begins, as far as this visit has gone through them. */
const before = new Map<string, string>();

/** The ways to the pages of a list. The API goes forward alone, so that back leads only where the visitor was. */
export function Pager(props: { route: Route; end: string | null }) {
  const t = texts.value;
  const { view, id, query } = props.route;
  const at = (after: string | undefined) => href(view, id, { ...Object.fromEntries(query), after });
  const here = query.get("after") ?? "";
  if (props.end !== null) before.set(props.end, here);
  const previous = before.get(here);
  if (here === "" && props.end === null) return null;
  return (
    <nav class="pager" aria-label={t.text("pages")}>
      {here !== "" && <a href={at(undefined)}>{t.text("first_page")}</a>}
      {here !== "" && (previous ?? "") !== "" && <a href={at(previous)}>{t.text("previous_page")}</a>}
      {props.end !== null && (
        <a class="next" href={at(props.end)}>
          {t.text("next_page")}
        </a>
      )}
    </nav>
  );
}
