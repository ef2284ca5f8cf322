/** Revoked tokens. */

/** Tokens are signed, and only revocations are stored: this token and all derived from it are revoked. */
export type RevokedToken = { audit_id: string; expires_at: string };
