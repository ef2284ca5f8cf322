/** Asynchronous operations: the service responds with 202 and a task monitor. DSP0266, "Asynchronous operations". */
import type { MessageName, Resource } from './messages.ts';

export type TaskEnd = {
  readonly state: 'Completed' | 'Exception' | 'Cancelled';
  readonly message: MessageName;
  readonly args: string[];
};
export type RedfishTask = {
  readonly id: string;
  readonly name: string;
  readonly begunAt: number;
  readonly durationMs: number;
  endedAt: number | undefined;
  end: TaskEnd | undefined;
  /** The request that began it, if the service tells. */
  readonly payload: TaskPayload | undefined;
};
export type TaskPayload = { readonly TargetUri: string; readonly HttpOperation: string };

/** Number of completed tasks that are kept. */
const mostTasks = 50;

export class RedfishTasks {
  readonly #tasks = new Map<string, RedfishTask>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #lastId = 0;

  get all(): readonly RedfishTask[] {
    return [...this.#tasks.values()];
  }

  find(id: string): RedfishTask | undefined {
    return this.#tasks.get(id);
  }

  /** @param work runs when the duration is over; if it throws, the task ends in Exception. */
  begin(name: string, durationMs: number, work: () => void | Promise<void>, payload?: TaskPayload): RedfishTask {
    this.#lastId += 1;
    const id = String(this.#lastId);
    const task: RedfishTask = { id, name, begunAt: Date.now(), durationMs, endedAt: undefined, end: undefined, payload };
    this.#tasks.set(id, task);
    this.#timers.set(
      id,
      setTimeout(() => void this.#finish(task, work), durationMs),
    );
    for (const [old, { end }] of this.#tasks) if (this.#tasks.size > mostTasks && end) this.#tasks.delete(old);
    return task;
  }

  cancel(task: RedfishTask): void {
    this.#settle(task, { state: 'Cancelled', message: 'GeneralError', args: ['cancelled by a client'] });
  }

  /** Ends all tasks, as a restart of the service does. */
  close(): void {
    for (const task of this.#tasks.values()) if (!task.end) this.cancel(task);
  }

  async #finish(task: RedfishTask, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
      this.#settle(task, { state: 'Completed', message: 'Success', args: [] });
    } catch (error) {
      this.#settle(task, { state: 'Exception', message: 'GeneralError', args: [(error as Error).message] });
    }
  }

  #settle(task: RedfishTask, end: TaskEnd): void {
    clearTimeout(this.#timers.get(task.id));
    this.#timers.delete(task.id);
    if (task.end) return;
    task.end = end;
    task.endedAt = Date.now();
  }
}

/** Percentage of the task's duration; 100 only at the end. */
export function percentOf({ begunAt, durationMs, end }: RedfishTask): number {
  if (end) return 100;
  return Math.min(99, Math.floor(((Date.now() - begunAt) / Math.max(1, durationMs)) * 100));
}

export function taskTimes({ begunAt, endedAt }: RedfishTask): Resource {
  const end: Resource = endedAt === undefined ? {} : { EndTime: new Date(endedAt).toISOString() };
  return { StartTime: new Date(begunAt).toISOString(), ...end };
}
