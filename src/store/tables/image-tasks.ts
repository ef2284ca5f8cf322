/** Imports of image data, as Glance shows them: tasks. */
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

export type ImageTask = {
  id: string;
  /** It may have been deleted since. */
  image_id: string;
  status: 'pending' | 'processing' | 'success' | 'failure';
  /** The project that has asked for it. */
  owner: string;
  user_id: string;
  request_id: string;
  /** The request, without secrets. */
  input: JsonObject;
  /** Where the data comes from; a URL may hold a password. null: it has ended. */
  source: ImportSource | null;
  result: JsonObject | null;
  /** Why it has failed. */
  message: string;
  created_at: string;
  updated_at: string;
  /** When it fails at the latest. */
  deadline_at: string;
  /** When its record is removed; null: it runs. */
  expires_at: string | null;
};

export type ImportSource = { readonly method: 'glance-direct' } | { readonly method: 'web-download'; readonly uri: string };

export class ImageTasks extends Collection<ImageTask, { image_tasks: ImageTask }> {
  static override readonly table = { name: 'image_tasks', json: ['input', 'source', 'result'], sealed: ['source'] };

  /** Removes those that have ended long ago. */
  async sweep(): Promise<void> {
    await this.db.deleteFrom('image_tasks').where('expires_at', '<=', new Date().toISOString()).execute();
  }

  /** Keeps the newest of a project, and those that run. */
  async keepNewest(owner: string, count: number): Promise<void> {
    const [last] = await this.db
      .selectFrom('image_tasks')
      .select(['created_at'])
      .where('owner', '=', owner)
      .orderBy('created_at', 'desc')
      .offset(count)
      .limit(1)
      .execute();
    if (!last) return;
    await this.db
      .deleteFrom('image_tasks')
      .where('owner', '=', owner)
      .where('created_at', '<=', last.created_at)
      .where('expires_at', 'is not', null)
      .execute();
  }
}
