import { render } from "preact";
import "./style.css";
import { hideSecrets, identify, refused } from "./acts.ts";
import { announce } from "./announce.ts";
import { App } from "./app.tsx";
import { attract } from "./attract.ts";
import { ready, snapshot, start, texts } from "./state.ts";

const root = document.getElementById("app");
if (root) {
  texts.subscribe((t) => {
    document.documentElement.lang = t.language;
  });
  render(<App />, root);
  hideSecrets();
  attract();
  announce();
  start();
  await identify();
  let reason = snapshot.value?.refused;
  snapshot.subscribe((s) => {
    if (s?.refused !== reason) refused(s?.refused);
    reason = s?.refused;
  });
  ready.value = true;
  // Tests wait for this.
  document.documentElement.dataset.ready = "true";
}
