import { pickLanguage, Translator } from "../../../shared/i18n.ts";
import type { VotingWindow } from "../window.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";
import { es } from "./es.ts";
import { fr } from "./fr.ts";
import { it } from "./it.ts";
import { pt } from "./pt.ts";

const builtIn: Record<string, typeof en> = { en, de, fr, es, it, pt };

/**
 * The translator of a visitor. Languages that are not built in take what window.json has for them, and English for the
 * rest. Titles, questions and answers can be translated as well, under title, voter, question ids and choices ("vote/anna").
 */
export function translator(window: Pick<VotingWindow, "languages" | "texts"> | undefined): Translator {
  const language = pickLanguage(navigator.languages, window?.languages ?? Object.keys(builtIn));
  return new Translator(
    language,
    navigator.languages,
    window?.texts?.[language],
    builtIn[language] ?? builtIn[language.split("-")[0] ?? ""],
    en,
  );
}
