/** Images (Glance v2). */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerRoutes } from '../http/register-routes.ts';
import { cacheRoutes } from './cache.ts';
import { acceptImageData, imageDataRoutes } from './image-data.ts';
import { imagePartRoutes } from './image-parts.ts';
import { imageRoutes } from './images.ts';
import { importRoutes } from './imports.ts';
import { locationRoutes } from './locations.ts';
import { memberRoutes } from './members.ts';
import { metadefItemRoutes } from './metadefs/items.ts';
import { namespaceRoutes } from './metadefs/namespaces.ts';
import { resourceTypeRoutes } from './metadefs/resource-types.ts';
import { metadefSchemaRoutes } from './metadefs/schemas.ts';
import { tagRoutes } from './metadefs/tags.ts';
import { readPatchRequests } from './patch-requests.ts';
import { schemaRoutes } from './schemas.ts';
import { taskRoutes } from './tasks.ts';

const rows = [
  ...schemaRoutes,
  ...imageRoutes,
  ...imagePartRoutes,
  ...memberRoutes,
  ...imageDataRoutes,
  ...importRoutes,
  ...taskRoutes,
  ...cacheRoutes,
  ...locationRoutes,
  ...metadefSchemaRoutes,
  ...namespaceRoutes,
  ...metadefItemRoutes,
  ...tagRoutes,
  ...resourceTypeRoutes,
];

export function registerImage(app: ApiScope, context: ApiContext): void {
  readPatchRequests(app);
  acceptImageData(app, context);
  registerRoutes(app, context, { rows, policy: context.policies.image });
}
