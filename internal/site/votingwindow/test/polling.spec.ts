import { expect, test } from "@playwright/test";
import { nextRead, type Viewing } from "../page/polling.ts";

const minute = 60_000;
/** Opens at 0, closes after ten minutes. */
const open: Viewing = {
  now: 0,
  lastRead: 0,
  opensAt: 0,
  closesAt: 10 * minute,
  grace: 2 * minute,
  final: false,
  afterClose: false,
  rehearsal: false,
  refresh: 0,
  arrived: undefined,
};
const results: Partial<Viewing> = { arrived: 0 };

// The next read with the least and with the most chance.
const cases: Record<string, { viewing: Partial<Viewing>; want: [number, number] | undefined }> = {
  ballot: { viewing: {}, want: [60_000, 66_000] },
  "just arrived": { viewing: results, want: [5_000, 5_500] },
  "half a minute later": { viewing: { ...results, now: 30_000, lastRead: 29_000 }, want: [44_000, 45_500] },
  final: { viewing: { ...results, final: true }, want: undefined },
  fixed: { viewing: { ...results, refresh: 5_000, now: 90_000, lastRead: 90_000 }, want: [95_000, 95_500] },
  "fixed, at the ballot": { viewing: { refresh: 5_000 }, want: [60_000, 66_000] },
  "ballot at the close": { viewing: { now: 10 * minute, lastRead: 9.9 * minute }, want: [600_000, 605_000] },
  "after the close": { viewing: { now: 11 * minute, lastRead: 11 * minute }, want: [675_000, 676_500] },
  "an hour before": { viewing: { opensAt: 60 * minute, closesAt: 70 * minute }, want: [600_000, 660_000] },
  "a minute before": { viewing: { opensAt: minute, closesAt: 70 * minute }, want: [30_000, 33_000] },
  rehearsal: { viewing: { ...results, opensAt: minute, rehearsal: true }, want: [5_000, 5_500] },
  "after_close, before it opens": { viewing: { afterClose: true, opensAt: minute }, want: [600_000, 605_000] },
  "after_close, open": { viewing: { afterClose: true, ...results }, want: [600_000, 605_000] },
  "after_close, fixed": { viewing: { afterClose: true, refresh: 5_000, ...results }, want: [600_000, 605_000] },
  "after_close, in grace": { viewing: { afterClose: true, now: 601_000, lastRead: 601_000 }, want: [720_000, 725_000] },
  "after_close, after grace": {
    viewing: { afterClose: true, now: 721_000, lastRead: 721_000 },
    want: [736_000, 737_500],
  },
};

for (const [name, { viewing, want }] of Object.entries(cases)) {
  test(`the next read: ${name}`, () => {
    const v = { ...open, ...viewing };
    expect(want && [nextRead(v, () => 0), nextRead(v, () => 1)]).toEqual(want);
    if (want === undefined) expect(nextRead(v)).toBeUndefined();
  });
}
