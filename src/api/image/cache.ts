/** `/cache`: Glance's cache of image data on its hosts. Ingot has none, and replies as Glance does then. */
import { Fault } from '#domain/faults.ts';
import { route } from './policy.ts';

const rows = [
  ['GET', '/cache', 'cache_list'],
  ['DELETE', '/cache', 'cache_delete'],
  ['GET', '/cache/nodes/:id', 'list_cached_nodes'],
  ['PUT', '/cache/:id', 'cache_image'],
  ['DELETE', '/cache/:id', 'cache_delete'],
  ['POST', '/cache/clean', 'cache_clean'],
  ['POST', '/cache/prune', 'cache_prune'],
] as const;

export const cacheRoutes = rows.map(([method, path, policy]) =>
  route({
    ...{ method, path, policy },
    summary: 'A cache of image data: there is none (404)',
    handler() {
      throw new Fault('notOffered', { detail: 'Caching via API is not supported at this site.' });
    },
  }),
);
