/** `/tasks`: the imports (glance/api/v2/tasks.py). */
import { type TProperties, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findTask, tasksOfImage, visibleTasks } from '#services/image/imports/tasks.ts';
import { findImage } from '#services/image/visibility.ts';
import { isEqual } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { ImageTask } from '#store/tables/image-tasks.ts';
import { Nullable } from '../http/schemas.ts';
import { wholeSeconds } from './image-view.ts';
import { defaultLimit, largestLimit } from './list-query.ts';
import { route, unsupportedRoute } from './policy.ts';

const Text = Type.String();
const statuses = ['pending', 'processing', 'success', 'failure'];
const type = 'api_image_import';

const short = {
  id: Text,
  type: Text,
  status: Type.Enum(statuses),
  owner: Text,
  created_at: Text,
  updated_at: Text,
  self: Text,
  schema: Text,
  expires_at: Type.Optional(Text),
} satisfies TProperties;
const Json = Type.Unsafe<object | null>(Nullable(Type.Object({}, { additionalProperties: true })));
const full = { ...short, input: Json, result: Json, message: Text, image_id: Text, request_id: Text, user_id: Text };

function showShort(task: ImageTask) {
  const { id, status, owner, created_at, updated_at, expires_at } = task;
  return {
    ...{ id, type, status, owner, self: `/v2/tasks/${id}`, schema: '/v2/schemas/task' },
    ...{ created_at: wholeSeconds(created_at), updated_at: wholeSeconds(updated_at) },
    ...(expires_at !== null && { expires_at: wholeSeconds(expires_at) }),
  };
}

function showFull(task: ImageTask) {
  const { input, result, message, image_id, request_id, user_id } = task;
  return { ...showShort(task), input, result, message, image_id, request_id, user_id };
}

const TaskQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Text),
  sort_key: Type.Optional(Type.Enum(['created_at', 'updated_at', 'status', 'id'])),
  sort_dir: Type.Optional(Type.Enum(['asc', 'desc'])),
  status: Type.Optional(Text),
  type: Type.Optional(Text),
});

export const taskRoutes = [
  route({
    method: 'GET',
    path: '/tasks',
    policy: 'tasks_api_access',
    summary: 'List tasks: imports of image data',
    query: TaskQuery,
    reply: Type.Object({ tasks: Type.Array(Type.Object(short)), schema: Text, first: Text, next: Type.Optional(Text) }),
    async handler(request, { store }) {
      const {
        limit = defaultLimit,
        marker,
        status,
        type: asked,
        sort_key: column = 'created_at',
        sort_dir = 'desc',
      } = request.query;
      if (status !== undefined && !statuses.includes(status))
        throw new Fault('badRequest', { detail: `Invalid status value: ${status}` });
      if (asked !== undefined && asked !== type && asked !== 'import')
        throw new Fault('badRequest', { detail: `Invalid type value: ${asked}` });
      const source = {
        collection: store.image_tasks,
        table: listTables.image_tasks,
        visible: visibleTasks(request.caller),
        maximum: largestLimit,
      };
      const where = status === undefined ? [] : [isEqual('status', status)];
      const none = limit === 0 || asked === 'import';
      const page = none
        ? { items: [], next: undefined }
        : await listRows(source, { where, limit, marker, sort: [{ column, descending: sort_dir === 'desc' }] });
      const query = new URL(request.url, 'http://localhost').searchParams;
      query.delete('marker');
      const linkTo = (text: string) => (text === '' ? '/v2/tasks' : `/v2/tasks?${text}`);
      const first = linkTo(String(query));
      if (page.next) query.set('marker', page.next);
      return {
        tasks: page.items.map(showShort),
        schema: '/v2/schemas/tasks',
        first,
        ...(page.next && { next: linkTo(String(query)) }),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/tasks/:id',
    policy: 'tasks_api_access',
    summary: 'Show a task',
    reply: Type.Object(full),
    handler: async (request, context) => showFull(await findTask(context, request.caller, request.params.id)),
  }),
  unsupportedRoute({
    method: 'POST',
    path: '/tasks',
    policy: 'tasks_api_access',
    what: 'Creating a task (import image data instead)',
  }),
  route({
    method: 'GET',
    path: '/images/:id/tasks',
    policy: 'get_image',
    summary: 'List the tasks of an image',
    reply: Type.Object({ tasks: Type.Array(Type.Object(full)) }),
    async handler(request, context) {
      const { id } = await findImage(context, request.caller, request.params.id);
      return { tasks: (await tasksOfImage(context, request.caller, id)).map(showFull) };
    },
  }),
];
