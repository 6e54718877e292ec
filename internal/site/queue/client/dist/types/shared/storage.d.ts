/** Reads from the storage of the device, or of the tab. */
export declare function recall(key: string, where?: "device" | "tab"): string | undefined;
/** Writes, or with undefined removes. */
export declare function remember(key: string, value: string | undefined, where?: "device" | "tab"): void;
