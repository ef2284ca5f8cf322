import type { ApiContext, ApiScope } from '../context.ts';

export function registerNetwork(_app: ApiScope, _context: ApiContext): void {}
