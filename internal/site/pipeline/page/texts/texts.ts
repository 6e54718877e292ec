import { type Translator, translatorOf, type Wording } from "../../../shared/i18n.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";

const builtIn: Record<string, typeof en> = { en, de };

/** The translator of a visitor. The pipeline's title can be translated as well, under title. */
export const translator = (pipeline: Wording | undefined): Translator => translatorOf(builtIn, en, pipeline);
