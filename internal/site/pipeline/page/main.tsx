import { render } from "preact";
import "./style.css";
import { App } from "./app.tsx";
import { follow } from "./route.ts";
import { begin } from "./session.ts";
import { load, ready, texts, title } from "./state.ts";

const root = document.getElementById("app");
if (root) {
  texts.subscribe((t) => {
    document.documentElement.lang = t.language;
  });
  title.subscribe((t) => {
    if (t !== "") document.title = t;
  });
  render(<App />, root);
  await load();
  // A sign-in brings the fragment back with it.
  await begin();
  follow();
  ready.value = true;
  // Tests wait for this.
  document.documentElement.dataset.ready = "true";
}
