/** Tasks: the imports of a project, which administrators see for all projects. */
import { Fault } from '#domain/faults.ts';
import { type Condition, everything, isEqual } from '#store/conditions.ts';
import type { ImageTask } from '#store/tables/image-tasks.ts';
import type { Caller } from '../../caller.ts';
import type { ImageContext } from '../context.ts';

type Context = Pick<ImageContext, 'store'>;

export function visibleTasks(caller: Caller): Condition[] {
  return [caller.is_admin ? everything : isEqual('owner', caller.project_id)];
}

/** @throws Fault `notFound` */
export async function findTask({ store }: Context, caller: Caller, id: string): Promise<ImageTask> {
  const [task] = await store.image_tasks.list([...visibleTasks(caller), isEqual('id', id)]);
  if (!task) throw new Fault('notFound', { what: 'Task', id });
  return task;
}

/** The newest first. */
export function tasksOfImage({ store }: Context, caller: Caller, image_id: string): Promise<ImageTask[]> {
  const where = [...visibleTasks(caller), isEqual('image_id', image_id)];
  const order = [
    { column: 'created_at', descending: true },
    { column: 'id', descending: true },
  ];
  return store.image_tasks.list(where, { order, limit: 1000 });
}
