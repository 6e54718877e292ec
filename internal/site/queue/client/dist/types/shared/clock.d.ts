/** Ticks reads the device: steady never jumps, wall is what the device shows. Both in milliseconds. */
export interface Ticks {
    steady(): number;
    wall(): number;
}
/** The browser's own ticks. */
export declare const deviceTicks: Ticks;
/** ServerClock tells the server's time from the Date and Age headers of its answers. */
export declare class ServerClock {
    #private;
    constructor(ticks?: Ticks);
    /** Milliseconds on the steady clock, for learn. */
    steady(): number;
    /** Whether an answer has told the time yet. */
    get synced(): boolean;
    /** The server's time in milliseconds since 1970; the device's until an answer has told it. */
    now(): number;
    /**
     * Learns from one answer: its Date and Age headers, and when the request was sent and answered by steady(). The header
     * names a whole second that the server was in at some moment in between, so a single answer gives the middle of
     * the request, and every other one narrows it. A cache adds Age (RFC 9111, section 5.1), in whole seconds as well.
     */
    learn(date: string | null, age: string | null, sent: number, received: number): void;
    /** Whether the device slept, or its clock was set, since the last answer: steady may have stood still. */
    jumped(): boolean;
    /** Forgets what was learnt; the next answer counts alone. */
    forget(): void;
}
