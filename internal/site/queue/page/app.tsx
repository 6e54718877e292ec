import { Links } from "../../shared/links.tsx";
import { Section } from "../../shared/section.tsx";
import { act, acting, join, notice } from "./acts.ts";
import { announcement } from "./announce.ts";
import { Before, Join } from "./join.tsx";
import { Place } from "./place.tsx";
import { beside } from "./sale.ts";
import { config, online, snapshot, texts, title, type View, view } from "./state.ts";
import { Called, Claimed } from "./turn.tsx";

/** The waiting room. */
export function App() {
  const t = texts.value;
  const sale = config.value;
  if (sale === undefined || view.value === "loading") {
    return (
      <main class="card loading">
        <p role="status">{t.text(snapshot.value?.failing ? "load_failed" : "loading")}</p>
      </main>
    );
  }
  return (
    <>
      <main class="card">
        <header>
          {sale.logo !== undefined && <img class="logo" src={beside(sale.logo).href} alt="" />}
          <h1>{title.value}</h1>
        </header>
        <Status />
        <Current key={view.value} view={view.value} />
      </main>
      <Links links={sale.links} />
      <div class="hidden" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function Current(props: { view: View }) {
  const t = texts.value;
  const { view } = props;
  switch (view) {
    case "join":
      return <Join />;
    case "wanted":
    case "drawn":
      return (
        <>
          <Before />
          <Section heading={t.text(view)} name={view}>
            <p>{t.text(`${view}_text`)}</p>
            {view === "drawn" && <p class="muted">{t.text("may_close")}</p>}
            {view === "wanted" && <Cancel />}
          </Section>
        </>
      );
    case "waiting":
      return <Place />;
    case "called":
      return <Called />;
    case "claimed":
      return <Claimed />;
    default:
      return (
        <Section heading={t.text(view)} name={view}>
          {(view === "joining" || view === "joined" || view === "drawing") && <span class="busy" aria-hidden="true" />}
          <p>{t.text(`${view}_text`)}</p>
          {view === "joining" && <Cancel />}
          {(view === "expired" || view === "ghost" || view === "left") && (
            <button type="button" class="primary" onClick={() => void join()}>
              {t.text("rejoin")}
            </button>
          )}
        </Section>
      );
  }
}

function Cancel() {
  return (
    <button type="button" class="link" onClick={() => void act("leave")}>
      {texts.value.text("cancel")}
    </button>
  );
}

/** What is the matter right now. */
function Status() {
  const t = texts.value;
  const s = snapshot.value;
  const inLine = s?.fan === "waiting" || s?.fan === "joined";
  const key = !online.value
    ? inLine
      ? "offline"
      : "offline_idle"
    : s?.failing && view.value !== "closed"
      ? "stale"
      : s?.sale === "paused" && inLine
        ? "paused"
        : undefined;
  return (
    <div class="status" role="status">
      {key !== undefined && <p class="note plain">{t.text(key)}</p>}
      {notice.value !== undefined && !acting.value && <p class="note error">{t.text(notice.value)}</p>}
    </div>
  );
}
