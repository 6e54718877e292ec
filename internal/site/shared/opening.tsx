import { pad, partsOf } from "./countdown.ts";
import type { Translator } from "./i18n.ts";

/** A countdown in large digits. The texts are days_one and so on, hours, minutes, seconds; rest is milliseconds. */
export function Opening(props: { label: string; rest: number; texts: Translator }) {
  const t = props.texts;
  const { days, hours, minutes, seconds } = partsOf(props.rest);
  const tiles: [string, string][] = [
    [pad(hours), t.text("hours")],
    [pad(minutes), t.text("minutes")],
    [pad(seconds), t.text("seconds")],
  ];
  return (
    <div class="countdown" role="timer" aria-label={props.label} data-testid="opening">
      <p>{props.label}</p>
      {days > 0 && <p class="days">{t.count("days", days)}</p>}
      <div class="tiles">
        {tiles.map(([digits, unit]) => (
          <div key={unit}>
            <span class="digits">{digits}</span>
            <span class="unit">{unit}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
