/** Tabs of one origin that share a name. T is what the asking tab tells the others. */
export declare class Tabs<T> {
    #private;
    constructor(name: string, on: {
        leads(leads: boolean): void;
        told(value: T): void;
        asked(): void;
    });
    /** Begins: this tab asks where no other does, or at once where it is looked at. */
    start(): void;
    /** Makes this tab the one that asks. Without the Web Locks API, as on plain HTTP, every tab is. */
    take(): void;
    tell(value: T): void;
    close(): void;
}
