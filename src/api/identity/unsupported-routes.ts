/** What Keystone has and Ingot does not: 501. */
import type { Method, Row } from '../http/route.ts';
import { unsupportedRoute } from './policy.ts';
import { type UnsupportedRule, unsupportedTable } from './unsupported-policy.ts';

export const unsupportedRoutes: readonly Row[] = Object.entries(unsupportedTable).flatMap(([what, { routes }]) =>
  Object.entries(routes).flatMap(([path, rules]) =>
    Object.entries(rules).map(([method, rule]) =>
      unsupportedRoute({ method: method as Method, path, policy: `identity:${rule}` as UnsupportedRule, what }),
    ),
  ),
);
