import type { ApiContext, ApiScope } from '../context.ts';

export function registerBaremetal(_app: ApiScope, _context: ApiContext): void {}
