import { expect, test } from "@playwright/test";
import { computed, effect, signal } from "./signals.ts";

test("an effect runs again where something that it read is another, and only then", () => {
  const left = signal(1);
  const right = signal(2);
  const wanted = signal(true);
  let computedTimes = 0;
  const sum = computed(() => {
    computedTimes++;
    return left.value + right.value;
  });
  const seen: number[] = [];
  const end = effect(() => {
    seen.push(wanted.value ? sum.value : -1);
  });
  left.value = 1;
  expect(seen).toEqual([3]);
  left.value = 5;
  expect(seen).toEqual([3, 7]);
  wanted.value = false;
  const before = computedTimes;
  right.value = 9; // Nobody looks.
  expect([seen, computedTimes]).toEqual([[3, 7, -1], before]);
  wanted.value = true;
  expect(seen).toEqual([3, 7, -1, 14]);
  end();
  left.value = 0;
  expect(seen).toHaveLength(4);
});

test("a computed value that stays the same wakes nobody", () => {
  const n = signal(1);
  const odd = computed(() => n.value % 2 === 1);
  const seen: boolean[] = [];
  effect(() => {
    seen.push(odd.value);
  });
  n.value = 3;
  n.value = 4;
  expect(seen).toEqual([true, false]);
});

test("effects that set signals come to rest, and what a subscriber reads does not bind it", () => {
  const from = signal(0);
  const to = signal(0);
  effect(() => {
    to.value = Math.min(3, from.value + 1);
  });
  effect(() => {
    from.value = to.value;
  });
  expect([from.peek(), to.peek()]).toEqual([3, 3]);
  const told: number[] = [];
  const end = from.subscribe((v) => told.push(v + to.value * 0));
  to.value = 2; // Until both are three again.
  expect([from.peek(), to.peek(), told[0]]).toEqual([3, 3, 3]);
  end();
});
