// Browsers may forbid storage, and throw at its mere mention. Then a page remembers for as long as it is open.
const memory = new Map<string, string>();

/** Reads from the storage of the device, or of the tab. */
export function recall(key: string, where: "device" | "tab" = "device"): string | undefined {
  try {
    return area(where).getItem(key) ?? memory.get(key);
  } catch {
    return memory.get(key);
  }
}

/** Writes, or with undefined removes. */
export function remember(key: string, value: string | undefined, where: "device" | "tab" = "device"): void {
  if (value === undefined) memory.delete(key);
  else memory.set(key, value);
  try {
    if (value === undefined) area(where).removeItem(key);
    else area(where).setItem(key, value);
  } catch {
    // Memory has it.
  }
}

const area = (where: "device" | "tab"): Storage => (where === "device" ? localStorage : sessionStorage);
