import { Links } from "../../shared/links.tsx";
import { Booking, Bookings } from "./bookings.tsx";
import { beside } from "./config.ts";
import { Page } from "./parts.tsx";
import { address, href, route, type View } from "./route.ts";
import { Failures, Run } from "./run.tsx";
import { Runs } from "./runs.tsx";
import { Segment } from "./segment.tsx";
import { Segments } from "./segments.tsx";
import { credential, signOut, viewer } from "./session.ts";
import { SignIn } from "./signin.tsx";
import { bookable, config, loadFailed, online, ready, said, texts, title } from "./state.ts";

/** The page of a pipeline's readers. */
export function App() {
  const t = texts.value;
  const pipeline = config.value;
  if (pipeline === undefined || !ready.value) {
    return (
      <main class="card loading">
        <p role="status">{t.text(loadFailed.value ? "load_failed" : "loading")}</p>
      </main>
    );
  }
  const known = credential.value !== undefined;
  return (
    <>
      <main class="card">
        <header>
          {pipeline.logo !== undefined && <img class="logo" src={beside(pipeline.logo).href} alt="" />}
          <h1>{title.value}</h1>
          {known && <Who />}
        </header>
        {known && <Ways />}
        <div class="status" role="status">
          {!online.value && <p class="note plain">{t.text("offline")}</p>}
        </div>
        {known ? <Current /> : <SignIn />}
      </main>
      <Links links={pipeline.links} />
      <div class="hidden" aria-live="polite">
        {said}
      </div>
    </>
  );
}

function Who() {
  const t = texts.value;
  return (
    <p class="who small muted">
      {viewer.value !== undefined && <span>{t.text("signed_in_as", { name: viewer.value.name })}</span>}
      <button type="button" class="link" onClick={() => signOut()}>
        {t.text("sign_out")}
      </button>
    </p>
  );
}

/** Which list a view belongs to. */
const listOf: Partial<Record<View | "unknown", View>> = {
  segments: "segments",
  segment: "segments",
  bookings: "bookings",
  booking: "bookings",
  runs: "runs",
  run: "runs",
  failures: "runs",
};

function Ways() {
  const t = texts.value;
  const lists: View[] = bookable.value ? ["segments", "bookings", "runs"] : ["segments", "runs"];
  return (
    <nav class="ways" aria-label={t.text("ways")}>
      {lists.map((list) => {
        const { view } = route.value;
        const current = view === list ? "page" : listOf[view] === list ? "true" : undefined;
        return (
          <a key={list} href={href(list)} aria-current={current}>
            {t.text(list)}
          </a>
        );
      })}
    </nav>
  );
}

function Current() {
  const t = texts.value;
  const at = route.value;
  switch (at.view) {
    case "segments":
      return <Segments key="segments" route={at} />;
    case "segment":
      return <Segment key={address.value} id={at.id} />;
    case "bookings":
      return <Bookings key="bookings" route={at} />;
    case "booking":
      return <Booking key={address.value} id={at.id} />;
    case "runs":
      return <Runs key="runs" route={at} />;
    case "run":
      return <Run key={address.value} route={at} />;
    case "failures":
      return <Failures key={address.value} route={at} />;
    default:
      return (
        <Page name="unknown" heading={t.text("trouble")}>
          <p>{t.text("no_such_view")}</p>
        </Page>
      );
  }
}
