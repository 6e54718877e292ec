/** What an element of the page has in JSON; undefined where there is none, or nothing in it. */
export function readData<T>(id: string): T | undefined {
  return (JSON.parse(document.getElementById(id)?.textContent ?? "null") as T | null) ?? undefined;
}
