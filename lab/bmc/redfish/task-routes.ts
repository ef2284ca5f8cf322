/** TaskService, its tasks, and the monitors named by a 202. DSP0266, "Asynchronous operations"; DSP0268, Task v1. */
import { describeMessage, type Resource } from './messages.ts';
import { percentOf, type RedfishTask, taskTimes } from './redfish-tasks.ts';
import { type Answer, type Call, collection, head, healthy, link, missing, type Route } from './route.ts';
import { serviceRoot } from './service-paths.ts';
import type { ServiceState } from './service-state.ts';

export function taskRoutes({ paths }: ServiceState): Route[] {
  const service = `${serviceRoot}/TaskService`;
  return [
    {
      kind: 'taskService',
      path: service,
      get: () => ({
        ...head(service, 'TaskService.v1_1_4.TaskService', 'Task Service'),
        ServiceEnabled: true,
        CompletedTaskOverWritePolicy: 'Oldest',
        LifeCycleEventOnTaskStateChange: false,
        DateTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
        Status: healthy,
        Tasks: link(paths.tasks),
      }),
    },
    {
      kind: 'tasks',
      path: paths.tasks,
      get: ({ state }) =>
        collection(
          paths.tasks,
          'Task',
          state.tasks.all.map(({ id }) => `${paths.tasks}/${id}`),
        ),
    },
    { kind: 'task', path: `${paths.tasks}/{}`, get: (call) => describeTask(call.state, findTask(call)) },
    {
      kind: 'taskMonitor',
      path: `${paths.monitors}/{}`,
      answer: (call) => {
        const task = findTask(call);
        return task.end ? endOf(call.state, task) : taskAnswer(call.state, task);
      },
      delete: (call) => call.state.tasks.cancel(findTask(call)),
    },
  ];
}

/** 202, with the location of the task monitor. */
export function taskAnswer(state: ServiceState, task: RedfishTask): Answer {
  const headers = { location: `${state.paths.monitors}/${task.id}`, 'retry-after': '1' };
  return { status: 202, body: describeTask(state, task), headers };
}

/** The response that a synchronous request would have received. */
function endOf({ shape }: ServiceState, task: RedfishTask): Answer {
  const { state: end, message, args } = task.end!;
  const info = [describeMessage(shape, message, args)];
  if (end === 'Completed') return { status: 200, body: { '@Message.ExtendedInfo': info } };
  const error = { code: `${shape.messageRegistry}.${message}`, message: args[0] ?? '', '@Message.ExtendedInfo': info };
  return { status: 400, body: { error } };
}

function findTask(call: Call): RedfishTask {
  const task = call.state.tasks.find(call.ids[0] ?? '');
  if (!task) throw missing(call);
  return task;
}

function describeTask({ paths, shape }: ServiceState, task: RedfishTask): Resource {
  const { id, name, end, payload } = task;
  const health = end?.state === 'Exception' ? 'Critical' : 'OK';
  return {
    ...head(`${paths.tasks}/${id}`, 'Task.v1_5_1.Task', name),
    TaskState: end?.state ?? 'Running',
    TaskStatus: health,
    ...taskTimes(task),
    PercentComplete: percentOf(task),
    TaskMonitor: `${paths.monitors}/${id}`,
    ...(payload ? { HidePayload: false, Payload: { ...payload, HttpHeaders: [], JsonBody: '{}' } } : { HidePayload: true }),
    Messages: end ? [describeMessage(shape, end.message, end.args)] : [],
  };
}
