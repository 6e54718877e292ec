import { clockFace } from "../../shared/countdown.ts";
import { closesAt, now, texts } from "./state.ts";

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
