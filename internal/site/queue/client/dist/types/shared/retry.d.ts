/** A number from 0 up to 1, as Math.random gives it; tests pass their own. */
export type Random = () => number;
/**
 * Milliseconds to wait before try n (0 is the first repetition): doubled each time, half of it by chance, so that pages
 * that failed together do not come back together.
 */
export declare function backoff(n: number, base: number, cap: number, random?: Random): number;
/** Waits so many milliseconds, or until the page comes online while it is offline. */
export declare function pause(ms: number): Promise<void>;
