import { clockFace, pad, partsOf } from "../../shared/countdown.ts";
import { closesAt, now, opensAt, texts } from "./state.ts";

/** The time until the close, on one line. */
export function Countdown() {
  const rest = closesAt.value - now.value;
  return (
    <p class="pill">
      <span class="pulse" aria-hidden="true" />
      <span>{texts.value.text("closes_in")}</span>{" "}
      <span class="digits" role="timer" data-testid="countdown">
        {clockFace(rest)}
      </span>
    </p>
  );
}

/** The time until the opening, large. */
export function BigCountdown(props: { label: string }) {
  const t = texts.value;
  const { days, hours, minutes, seconds } = partsOf(opensAt.value - now.value);
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
