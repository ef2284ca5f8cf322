import type { ApiContext, ApiScope } from '../context.ts';

export function registerIdentity(_app: ApiScope, _context: ApiContext): void {}
export function registerTokenIssue(_app: ApiScope, _context: ApiContext): void {}
