import { render } from "preact";
import "./style.css";
import "./studio.css";
import { App } from "./app.tsx";
import { now, ready, start, texts, title } from "./state.ts";
import { Studio } from "./studio.tsx";
import { hideSecrets, startVoting } from "./voting.ts";
import { isStudio } from "./window.ts";

const root = document.getElementById("app");
if (root) {
  title.subscribe((t) => {
    if (t !== "") document.title = t;
  });
  texts.subscribe((t) => {
    document.documentElement.lang = t.language;
  });
  document.documentElement.classList.toggle("studio", isStudio);
  render(isStudio ? <Studio /> : <App />, root);
  hideSecrets();
  await start();
  if (!isStudio) await startVoting();
  ready.value = true;
  // Tests wait for this.
  document.documentElement.dataset.ready = String(now.value > 0);
}
