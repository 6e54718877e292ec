// Figures in words.
import type { Translator } from "../../shared/i18n.ts";
import { clock } from "./state.ts";

/** A figure of any size: four digits or all of its whole ones. */
export function figure(t: Translator, n: number): string {
  const size = Math.abs(n);
  const digits = size >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 };
  return new Intl.NumberFormat(t.locale, digits).format(n);
}

/** Bytes in a unit that keeps them short. Units of SI: a kilobyte has 1,000. */
export function bytes(t: Translator, n: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, n)) / 3)));
  return new Intl.NumberFormat(t.locale, {
    style: "unit",
    unit: units[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  }).format(n / 1000 ** power);
}

/** Dollars, of less than a cent in four digits. */
export function dollars(t: Translator, n: number): string {
  const digits = n < 0.01 ? { maximumSignificantDigits: 4 } : {};
  return new Intl.NumberFormat(t.locale, { style: "currency", currency: "USD", ...digits }).format(n);
}

/** A span of milliseconds in its two largest units. */
export function span(t: Translator, ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), "day"],
    [Math.floor(s / 3600) % 24, "hour"],
    [Math.floor(s / 60) % 60, "minute"],
    [s % 60, "second"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([n]) => n > 0);
  return shown
    .map(([n, unit]) => new Intl.NumberFormat(t.locale, { style: "unit", unit, unitDisplay: "short" }).format(n))
    .join(" ");
}

/** A time as the API writes it; undefined where it has none. */
export function time(t: Translator, at: string | null): string | undefined {
  return at === null ? undefined : t.time(Date.parse(at), clock.now());
}
