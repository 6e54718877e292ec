import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Links } from "../../shared/links.tsx";
import { Opening } from "../../shared/opening.tsx";
import { Section } from "../../shared/section.tsx";
import { Ballot } from "./ballot.tsx";
import { Countdown } from "./countdown.tsx";
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
      <Links links={window.links} />
      <Announcer />
    </>
  );
}

function Current() {
  const t = texts.value;
  if (phase.value === "waiting") {
    return (
      <>
        <Opening label={t.text("opens_in")} rest={opensAt.value - now.value} texts={t} />
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
