/** Staging and importing image data, and what may be imported (glance/api/v2/images.py, discovery.py). */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  ImportBody,
  methodOf,
  refuseCopy,
  refuseOtherStores,
  refuseStatus,
  storeId,
} from '#services/image/imports/import-request.ts';
import { stageData } from '#services/image/imports/staging.ts';
import { usageOf } from '#services/image/limits.ts';
import { findImage } from '#services/image/visibility.ts';
import { receiveData } from './image-data.ts';
import { authorize, route, targetIn } from './policy.ts';

const StoreEntry = Type.Object({ id: Type.String(), description: Type.String(), default: Type.String() });
/** Those of Glance's store `file` (glance/api/v2/discovery.py). */
const StoreProperties = Type.Object({ data_dir: Type.String(), chunk_size: Type.Integer(), thin_provisioning: Type.Boolean() });
const store = { id: storeId, description: 'The image store of Ingot', default: 'true' };

export const importRoutes = [
  route({
    method: 'PUT',
    path: '/images/:id/stage',
    policy: 'modify_image',
    summary: 'Stage image data that is to be imported',
    status: 204,
    async handler(request, context, reply) {
      const image = await findImage(context, request.caller, request.params.id);
      authorize(request, 'modify_image', targetIn(image));
      if (!context.imports.methods.includes('glance-direct'))
        throw new Fault('notOffered', { detail: "'glance-direct' method is not available at this site." });
      await receiveData(request, reply, (upload) => stageData(context, request.caller, { image, upload }));
    },
  }),
  route({
    method: 'POST',
    path: '/images/:id/import',
    policy: 'modify_image',
    summary: 'Import image data',
    status: 202,
    body: ImportBody,
    async handler(request, context) {
      const { body, caller, id: request_id, headers } = request;
      const image = await findImage(context, caller, request.params.id);
      const method = methodOf(body, context.imports.methods);
      authorize(request, method === 'copy-image' ? 'copy_image' : 'modify_image', targetIn(image));
      refuseStatus(image, method);
      const header = headers['x-image-meta-store'];
      refuseOtherStores(body, header === undefined ? undefined : String(header));
      if (method === 'copy-image') return refuseCopy(body);
      const uri = body.method?.uri ?? '';
      if (method === 'web-download') context.imports.checkUrl(uri);
      const source = method === 'web-download' ? { method, uri } : { method };
      await context.imports.begin(caller, image, { source, request_id });
    },
  }),
  route({
    method: 'GET',
    path: '/info/import',
    policy: 'default',
    summary: 'List import methods',
    reply: Type.Object({
      'import-methods': Type.Object({ description: Type.String(), type: Type.String(), value: Type.Array(Type.String()) }),
    }),
    handler: (_request, { imports }) => ({
      'import-methods': { description: 'Import methods available.', type: 'array', value: [...imports.methods] },
    }),
  }),
  route({
    method: 'GET',
    path: '/info/usage',
    policy: 'default',
    summary: "Show the use of a project's quotas",
    reply: Type.Object({ usage: Type.Record(Type.String(), Type.Object({ usage: Type.Integer(), limit: Type.Integer() })) }),
    handler: async ({ caller }, { store }) => ({ usage: await usageOf(store, caller.project_id) }),
  }),
  route({
    method: 'GET',
    path: '/info/stores',
    policy: 'default',
    summary: 'List image stores: there is one',
    reply: Type.Object({ stores: Type.Array(StoreEntry) }),
    handler: () => ({ stores: [store] }),
  }),
  route({
    method: 'GET',
    path: '/info/stores/detail',
    policy: 'stores_info_detail',
    summary: 'List image stores with their types',
    reply: Type.Object({
      stores: Type.Array(
        Type.Object({ ...StoreEntry.properties, type: Type.String(), properties: StoreProperties, weight: Type.Integer() }),
      ),
    }),
    handler: (_request, { images }) => {
      // What is sent is written as it comes: a stream of Node.js reads 64 KiB at once.
      const properties = { data_dir: images.directory, chunk_size: 65_536, thin_provisioning: false };
      return { stores: [{ ...store, type: 'file', properties, weight: 0 }] };
    },
  }),
];
