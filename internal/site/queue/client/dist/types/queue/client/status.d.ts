import type { StatusSource } from "./types.ts";
/** The status as an object at an address, beside the page or on a distribution of its own. */
export declare function statusObject(url: string | URL): StatusSource;
