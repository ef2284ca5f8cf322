import type { ApiContext, ApiScope } from '../context.ts';

export function registerCompute(_app: ApiScope, _context: ApiContext): void {}
