import { de } from "./de.ts";
import type { en } from "./en.ts";
import { es } from "./es.ts";
import { fr } from "./fr.ts";
import { it } from "./it.ts";
import { pt } from "./pt.ts";

/** The languages that are built in beside English. The page has them as data, since every visitor pays for each. */
export const languages: Record<string, typeof en> = { de, fr, es, it, pt };
