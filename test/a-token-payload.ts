/** The payload of an unscoped token. */
import type { TokenPayload } from '#services/identity/tokens.ts';

export const aTokenPayload: TokenPayload = {
  user_id: 'user',
  scope: null,
  methods: ['password'],
  issued_at: '2026-11-22T14:20:08.000Z',
  expires_at: '2126-11-22T14:20:08.000Z',
  audit_ids: ['audit'],
  user_revision: 0,
  scope_revision: 0,
};
