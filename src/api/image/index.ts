import type { ApiContext, ApiScope } from '../context.ts';

export function registerImage(_app: ApiScope, _context: ApiContext): void {}
