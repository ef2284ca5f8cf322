/** Images (Glance v2). */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerImageData } from './image-data.ts';
import { registerImageDelete } from './image-delete.ts';
import { registerImagePatch } from './image-patch.ts';
import { registerImages } from './images.ts';
import { registerSchemas } from './schemas.ts';

export function registerImage(app: ApiScope, context: ApiContext): void {
  registerSchemas(app);
  registerImages(app, context);
  registerImageDelete(app, context);
  registerImagePatch(app, context);
  registerImageData(app, context);
}
