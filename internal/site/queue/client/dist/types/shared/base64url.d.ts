/** Base64url without padding (RFC 4648, section 5). */
export declare function encodeBase64url(bytes: Uint8Array): string;
/** The text in UTF-8 that base64url stands for. */
export declare function decodeBase64url(text: string): string;
