/** Texts of one language by key. {name} in a text stands for a value. */
export type Texts = Readonly<Record<string, string>>;

/**
 * Picks the first of what the visitor prefers that is offered, by language without region ("pt-BR" is content with
 * "pt"); the first offered where none is.
 */
export function pickLanguage(preferred: readonly string[], offered: readonly string[]): string {
  for (const tag of preferred) {
    const exact = offered.find((o) => o.toLowerCase() === tag.toLowerCase());
    const primary = tag.toLowerCase().split("-")[0];
    const found = exact ?? offered.find((o) => o.toLowerCase().split("-")[0] === primary);
    if (found !== undefined) return found;
  }
  return offered[0] ?? "en";
}

/** Translator writes texts, numbers and times in one language. */
export class Translator {
  readonly language: string;
  /** The language with its region, as Intl takes it. */
  readonly locale: string;
  readonly #texts: Texts[];
  readonly #plural: Intl.PluralRules;
  readonly #number: Intl.NumberFormat;

  /**
   * The first of the texts that has a key counts. Numbers and times follow the region of the preferred tag of that
   * language: "en-GB" has other times than "en".
   */
  constructor(language: string, preferred: readonly string[], ...texts: (Texts | undefined)[]) {
    this.language = language;
    this.#texts = texts.filter((t) => t !== undefined);
    this.locale = preferred.find((tag) => tag.toLowerCase().startsWith(`${language.toLowerCase()}-`)) ?? language;
    this.#plural = new Intl.PluralRules(this.locale);
    this.#number = new Intl.NumberFormat(this.locale);
  }

  /** The text of a key with its values put in, or undefined where nobody has it. */
  find(key: string, values: Record<string, string> = {}): string | undefined {
    const text = this.#texts.find((t) => Object.hasOwn(t, key))?.[key];
    return text?.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  }

  /** The text of a key; the key itself shows that one is missing. */
  text(key: string, values?: Record<string, string>): string {
    return this.find(key, values) ?? key;
  }

  /** The text of key_one, key_other and so on, by the language's plural rule (CLDR); {n} is the number. */
  count(key: string, n: number): string {
    const values = { n: this.number(n) };
    return this.find(`${key}_${this.#plural.select(n)}`, values) ?? this.text(`${key}_other`, values);
  }

  number(n: number): string {
    return this.#number.format(n);
  }

  /** A time of day in the visitor's zone; with the date where it is not today. Milliseconds since 1970. */
  time(at: number, today: number, seconds = false): string {
    const sameDay = new Date(at).toDateString() === new Date(today).toDateString();
    return new Intl.DateTimeFormat(this.locale, {
      timeStyle: seconds ? "medium" : "short",
      ...(sameDay ? {} : { dateStyle: "medium" as const }),
    }).format(at);
  }
}

/** What an object beside the page says about languages: which are offered, and texts of its own by language and key. */
export interface Wording {
  languages: string[];
  texts?: Record<string, Texts>;
}

/**
 * The translator of a visitor. Languages that are not built in take what the wording has for them, and the fallback for
 * the rest. Without a wording all that is built in is offered.
 */
export function translatorOf(
  builtIn: Readonly<Record<string, Texts>>,
  fallback: Texts,
  wording: Wording | undefined,
): Translator {
  const language = pickLanguage(navigator.languages, wording?.languages ?? Object.keys(builtIn));
  return new Translator(
    language,
    navigator.languages,
    wording?.texts?.[language],
    builtIn[language] ?? builtIn[language.split("-")[0] ?? ""],
    fallback,
  );
}
