import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Ballot } from "./ballot.tsx";
import { BigCountdown, Countdown } from "./countdown.tsx";
import { Identify } from "./identify.tsx";
import { Results } from "./results.tsx";
import { config, loadFailed, now, online, opensAt, phase, ready, rehearsal, step, texts, title } from "./state.ts";
import { notice, sending } from "./voting.ts";
import { beside } from "./window.ts";

/** The voter's page. */
export function App() {
  const t = texts.value;
  const window = config.value;
  if (window === undefined || !ready.value) {
    return (
      <main class="card loading">
        <p role="status">{t.text(loadFailed.value ? "load_failed" : "loading")}</p>
      </main>
    );
  }
  return (
    <>
      <main class="card">
        <header>
          {window.logo !== undefined && <img class="logo" src={beside(window.logo).href} alt="" />}
          <h1>{title.value}</h1>
          {phase.value === "open" && !rehearsal.value && <Countdown />}
          {rehearsal.value && <p class="pill">{t.text("rehearsal")}</p>}
        </header>
        <Status />
        <Current />
      </main>
      {(window.links?.length ?? 0) > 0 && (
        <footer>
          {window.links?.map((l) => (
            <a key={l.url} href={safe(l.url)} rel="noopener noreferrer">
              {l.label}
            </a>
          ))}
        </footer>
      )}
      <Announcer />
    </>
  );
}

/** Links go to pages only, never to script. */
function safe(url: string): string {
  return /^(https?:|mailto:|[^:]*$)/i.test(url) ? url : "#";
}

function Current() {
  const t = texts.value;
  if (phase.value === "waiting") {
    return (
      <>
        <BigCountdown label={t.text("opens_in")} />
        <p class="muted center">{t.text("opens_at", { time: t.time(opensAt.value, now.value) })}</p>
        {step.value === "identify" ? (
          <Identify />
        ) : (
          <Section heading={t.text("ready")} name="ready">
            <p>{t.text("ready_text")}</p>
          </Section>
        )}
      </>
    );
  }
  if (phase.value !== "open" || step.value === "results") return <Results />;
  return step.value === "ballot" ? <Ballot /> : <Identify />;
}

let begun = false;

/**
 * A step of the page. Its heading takes the focus when the step begins, but not at the page's own beginning. It does so
 * before anybody can see the step, so that it takes no focus that the visitor has moved since.
 */
export function Section(props: { heading: string; name: string; children: preact.ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (begun) heading.current?.focus({ preventScroll: true });
    begun = true;
  }, []);
  return (
    <section class={props.name} aria-labelledby={props.name}>
      <h2 id={props.name} ref={heading} tabIndex={-1}>
        {props.heading}
      </h2>
      {props.children}
    </section>
  );
}

/** What is the matter right now. */
function Status() {
  const t = texts.value;
  const busy = sending.value !== "no";
  const key = busy
    ? !online.value
      ? "offline"
      : sending.value === "again"
        ? "retrying"
        : "sending"
    : !online.value
      ? "offline_idle"
      : undefined;
  const n = notice.value;
  return (
    <div class="status" role="status">
      {key !== undefined && <p class={`note ${busy ? "busy" : "plain"}`}>{t.text(key)}</p>}
      {!busy && n !== undefined && <p class={`note ${n.tone}`}>{t.text(n.key)}</p>}
    </div>
  );
}

/** Says when the window opens, closes and is final, and nothing in between. */
function Announcer() {
  const said = useSignal("");
  const first = useRef(true);
  useEffect(
    () =>
      phase.subscribe((p) => {
        if (!first.current) {
          const key = { waiting: "", open: "now_open", closed: "closed", final: "final" }[p];
          said.value = key === "" ? "" : texts.value.text(key);
        }
        first.current = false;
      }),
    [said],
  );
  return (
    <div class="hidden" aria-live="polite">
      {said}
    </div>
  );
}
