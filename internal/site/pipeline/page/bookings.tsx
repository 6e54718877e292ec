import { useLayoutEffect, useRef } from "preact/hooks";
import { Sure } from "../../shared/sure.tsx";
import { useAct } from "./act.ts";
import { type Answer, useAnswer } from "./answer.ts";
import { bytes, time } from "./format.ts";
import { Badge, Facts, Page, Pager, Result, Wrong } from "./parts.tsx";
import oneQuery from "./queries/booking.graphql?raw";
import listQuery from "./queries/bookings.graphql?raw";
import cancelMutation from "./queries/cancel.graphql?raw";
import retryMutation from "./queries/retry.graphql?raw";
import { go, href, type Route } from "./route.ts";
import { mayWrite } from "./session.ts";
import { clock, said, texts } from "./state.ts";
import { type Booking as Shown, type BookingRow, type Connection, over, statuses } from "./types.ts";

const perPage = 20;

/** How long until a booking is looked at again, in milliseconds: soon while it is worked on, seldom before its time. */
function rest(booking: BookingRow): number | undefined {
  if (over(booking.status)) return undefined;
  const early = booking.status === "BOOKED" ? Date.parse(booking.at) - clock.now() : 0;
  return Math.min(60_000, Math.max(5_000, early));
}

/** All bookings, those that were made last first. */
export function Bookings(props: { route: Route }) {
  const t = texts.value;
  const { query: at } = props.route;
  return (
    <Page key={at.get("after") ?? ""} name="bookings" heading={t.text("bookings")}>
      <div class="field filter">
        <label for="status">{t.text("status")}</label>
        <select
          id="status"
          value={at.get("status") ?? ""}
          onChange={(e) => go(href("bookings", "", { status: e.currentTarget.value }))}
        >
          <option value="">{t.text("any_status")}</option>
          {statuses.map((s) => (
            <option key={s} value={s}>
              {t.text(`status_${s}`)}
            </option>
          ))}
        </select>
      </div>
      <List key={String(at)} route={props.route} />
    </Page>
  );
}

function List(props: { route: Route }) {
  const t = texts.value;
  const { query: at } = props.route;
  const variables = { first: perPage, after: at.get("after") ?? undefined, status: at.get("status") ?? undefined };
  const answer = useAnswer<{ bookings: Connection<BookingRow> }>("bookings", listQuery, variables, ({ data }) => {
    const rests = data?.bookings.nodes.map(rest).filter((r) => r !== undefined) ?? [];
    return rests.length === 0 ? undefined : Math.min(...rests);
  });
  return (
    <Result answer={answer} name="bookings" route={props.route}>
      {({ bookings: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && (
            <p class="muted" role="status">
              {t.text(pageInfo.endCursor === null ? "no_bookings" : "none_here")}
            </p>
          )}
          <ul class="rows">
            {nodes.map((b) => (
              <li key={b.id}>
                <a href={href("booking", b.id)}>{b.segmentValue || t.text("no_value")}</a>
                <Badge of="status" is={b.status} />
                <span class="muted small">
                  {b.endedAt === null
                    ? t.text("for_time", { time: time(t, b.at) ?? "" })
                    : t.text("ended_time", { time: time(t, b.endedAt) ?? "" })}
                  {b.items > 0 && ` · ${t.count("items", b.items)}`}
                </span>
              </li>
            ))}
          </ul>
          <Pager route={props.route} end={pageInfo.endCursor} />
        </>
      )}
    </Result>
  );
}

/** A booking on its way to the third party. */
export function Booking(props: { id: string }) {
  const t = texts.value;
  const answer = useAnswer<{ booking: Shown }>("booking", oneQuery, { id: props.id }, ({ data }) =>
    data === undefined ? undefined : rest(data.booking),
  );
  const status = answer.data?.booking.status;
  const last = useRef(status);
  useLayoutEffect(() => {
    if (last.current !== undefined && status !== undefined && last.current !== status) {
      said.value = t.text(`status_${status}`);
    }
    last.current = status;
  }, [status]);
  return (
    <Result answer={answer} name="booking" alone>
      {({ booking: b }) => (
        <Page name="booking" heading={t.text("booking_of", { segment: b.segmentValue || t.text("no_value") })}>
          <p>
            <Badge of="status" is={b.status} />
          </p>
          <p>{t.text(`status_${b.status}_text`)}</p>
          {b.reason !== null && (
            <p class={b.status === "FAILED" ? "note error" : "note plain"}>
              {t.text("reason")} <span lang="en">{b.reason}</span>
            </p>
          )}
          <Facts
            facts={[
              ["booked_at", time(t, b.createdAt)],
              ["due_at", time(t, b.at)],
              ["generated_at", time(t, b.generatedAt)],
              ["items", b.generatedAt === null ? undefined : t.number(b.items)],
              ["size", b.generatedAt === null ? undefined : bytes(t, b.bytes)],
              ["attempts", b.attempts === 0 ? undefined : t.number(b.attempts)],
              ["next_attempt", time(t, b.nextAttemptAt)],
              ["ended_at", time(t, b.endedAt)],
              ["booking_id", b.id],
            ]}
          />
          <Deed booking={b} answer={answer} />
          {b.segment !== null && (
            <p>
              <a href={href("segment", b.segment.id)}>{t.text("to_segment")}</a>
            </p>
          )}
        </Page>
      )}
    </Result>
  );
}

/** What can be done with a booking, by its status, and by which mutation. */
const deeds = { cancel: ["cancelBooking", cancelMutation], retry: ["retryBooking", retryMutation] } as const;

function deedOf(status: BookingRow["status"]): keyof typeof deeds | undefined {
  if (status === "FAILED") return "retry";
  return status === "BOOKED" || status === "GENERATING" || status === "GENERATED" ? "cancel" : undefined;
}

function Deed(props: { booking: Shown; answer: Answer<{ booking: Shown }> }) {
  const t = texts.value;
  const act = useAct();
  const { id, status } = props.booking;
  const deed = deedOf(status);
  const asked = useRef<keyof typeof deeds>("cancel");
  // What was clicked goes, and must not take the focus with it.
  const toHeading = () => document.getElementById("booking")?.focus();
  const send = (deed: keyof typeof deeds) => () => {
    asked.current = deed;
    const [field, mutation] = deeds[deed];
    act.send<Record<string, Shown>>(
      field,
      mutation,
      { id },
      ({ [field]: booking }) => {
        if (booking) props.answer.put({ booking });
        toHeading();
      },
      () => {
        props.answer.refresh();
        toHeading();
      },
    );
  };
  return (
    <>
      {act.trouble && <Wrong trouble={act.trouble} about={asked.current} />}
      {deed && mayWrite.value && (
        <Sure
          key={deed}
          label={t.text(deed)}
          question={t.text(`${deed}_sure`)}
          yes={t.text(`${deed}_yes`)}
          no={t.text(`${deed}_no`)}
          busy={act.busy}
          act={send(deed)}
        />
      )}
    </>
  );
}
