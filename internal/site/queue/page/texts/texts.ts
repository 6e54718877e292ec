import { readData } from "../../../shared/data.ts";
import { type Translator, translatorOf, type Wording } from "../../../shared/i18n.ts";
import { en } from "./en.ts";

const builtIn: Record<string, typeof en> = { en, ...readData<Record<string, typeof en>>("texts") };

/** The translator of a visitor. The sale's title can be translated as well, under title. */
export const translator = (sale: Wording | undefined): Translator => translatorOf(builtIn, en, sale);
