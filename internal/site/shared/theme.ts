// Colours of a page, so that whatever is chosen stays readable (WCAG 2.2, contrast minimum: 4.5 to 1).

/** What an organiser chooses, each as #rgb or #rrggbb. */
export interface Style {
  primary?: string;
  background?: string;
  text?: string;
}

type RGB = [number, number, number];

const white: RGB = [255, 255, 255];
const black: RGB = [17, 24, 39];
const enough = 4.6;

/** Sets the custom properties that the style sheet takes its colours from. */
export function applyTheme(style: Style | undefined, dark: boolean): void {
  const set = (name: string, value: RGB) =>
    document.documentElement.style.setProperty(name, `rgb(${value.map(Math.round).join(" ")})`);
  const background = parse(style?.background) ?? (dark ? ([11, 13, 23] as RGB) : ([244, 245, 251] as RGB));
  const light = luminance(background) > 0.18;
  const surface = light ? mix(background, white, 0.85) : mix(background, white, 0.07);
  const legible = (c: RGB) => contrast(c, surface) >= enough && contrast(c, background) >= enough;
  const strongest = light ? black : white;
  const text = parse(style?.text);
  const ink = text && legible(text) ? text : light ? black : ([241, 243, 250] as RGB);
  const primary = parse(style?.primary) ?? (light ? ([67, 56, 202] as RGB) : ([129, 140, 248] as RGB));
  document.documentElement.style.colorScheme = light ? "light" : "dark";
  set("--background", background);
  set("--surface", surface);
  set("--ink", ink);
  set("--muted", toward(mix(ink, surface, 0.35), ink, legible));
  set("--line", mix(surface, ink, light ? 0.14 : 0.2));
  set(
    "--edge",
    toward(mix(surface, ink, 0.4), ink, (c) => contrast(c, surface) >= 3.1),
  );
  set("--primary", primary);
  set(
    "--on-primary",
    contrast(white, primary) >= enough ? white : contrast(black, primary) >= enough ? black : [0, 0, 0],
  );
  // The primary colour as text and as an outline.
  set("--accent", toward(primary, strongest, legible));
  set("--tint", mix(surface, primary, light ? 0.08 : 0.16));
  const track = mix(surface, ink, light ? 0.09 : 0.12);
  set("--track", track);
  // Graphics need three to one.
  set(
    "--lead",
    toward(primary, strongest, (c) => contrast(c, surface) >= 3.1),
  );
  set("--bar", mix(surface, primary, light ? 0.5 : 0.75));
  set(
    "--error",
    toward([200, 30, 45], strongest, (c) => contrast(c, mix(surface, [220, 38, 38], 0.1)) >= enough),
  );
  set("--error-tint", mix(surface, [220, 38, 38], 0.1));
  set(
    "--good",
    toward([21, 128, 61], strongest, (c) => contrast(c, mix(surface, [22, 163, 74], 0.12)) >= enough),
  );
  set("--good-tint", mix(surface, [22, 163, 74], 0.12));
}

/** Reads #rgb and #rrggbb, the forms that the provider lets through. */
function parse(text: string | undefined): RGB | undefined {
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text ?? "")?.[1];
  if (digits === undefined) return undefined;
  const whole = digits.length === 3 ? [...digits].map((d) => d + d).join("") : digits;
  return [0, 2, 4].map((i) => Number.parseInt(whole.slice(i, i + 2), 16)) as RGB;
}

function mix(a: RGB, b: RGB, share: number): RGB {
  return a.map((v, i) => v + ((b[i] ?? 0) - v) * share) as RGB;
}

/** Moves a colour as far as needed towards another until it will do. */
function toward(from: RGB, to: RGB, good: (c: RGB) => boolean): RGB {
  for (let share = 0; share < 1; share += 0.05) {
    const c = mix(from, to, share);
    if (good(c)) return c;
  }
  return to;
}

/** Relative luminance (WCAG 2.2, definitions). */
function luminance(c: RGB): number {
  const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as RGB;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: RGB, b: RGB): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}
