// Where in the page the visitor is: the address's fragment, so that a reload, a link and the back button lead there.
import { computed, signal } from "@preact/signals";

const views = ["segments", "segment", "bookings", "booking", "runs", "run", "failures"] as const;
export type View = (typeof views)[number];

export interface Route {
  view: View | "unknown";
  /** Of what the view shows; empty for lists. */
  id: string;
  query: URLSearchParams;
}

/** Reads a fragment: #/segment/ID, #/segments?search=… . None is the list of segments. */
export function routeOf(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#?\/?/, "").split("?", 2);
  const [name = "", id = ""] = path.split("/", 2);
  const view = name === "" ? "segments" : views.find((v) => v === name);
  try {
    return { view: view ?? "unknown", id: decodeURIComponent(id), query: new URLSearchParams(query) };
  } catch {
    return { view: "unknown", id: "", query: new URLSearchParams() };
  }
}

/** The fragment of a view. What is empty is left out. */
export function href(view: Route["view"], id = "", query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((of): of is [string, string] => (of[1] ?? "") !== "");
  const search = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
  return `#/${view}${id === "" ? "" : `/${encodeURIComponent(id)}`}${search}`;
}

export const address = signal(location.hash);
export const route = computed(() => routeOf(address.value));

/** Goes somewhere. */
export function go(to: string): void {
  location.hash = to;
}

/** Follows the address. Who goes on begins at the top; who goes back is where they were, which the browser sees to. */
export function follow(): void {
  const seen = () => history.replaceState({ seen: true }, "");
  addEventListener("hashchange", () => {
    address.value = location.hash;
    if (history.state === null) {
      scrollTo(0, 0);
      seen();
    }
  });
  address.value = location.hash;
  seen();
}
