import { type Translator, translatorOf, type Wording } from "../../../shared/i18n.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";
import { es } from "./es.ts";
import { fr } from "./fr.ts";
import { it } from "./it.ts";
import { pt } from "./pt.ts";

const builtIn: Record<string, typeof en> = { en, de, fr, es, it, pt };

/** The translator of a visitor. Titles, questions and answers can be translated as well, under title, voter, question ids and choices ("vote/anna"). */
export const translator = (window: Wording | undefined): Translator => translatorOf(builtIn, en, window);
