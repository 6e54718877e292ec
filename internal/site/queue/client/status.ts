import { getObject } from "../../shared/fetch.ts";
import type { Status, StatusSource } from "./types.ts";

/** The status as an object at an address, beside the page or on a distribution of its own. */
export function statusObject(url: string | URL): StatusSource {
  return { read: (clock) => getObject<Status>(new URL(url, globalThis.location?.href), clock) };
}
