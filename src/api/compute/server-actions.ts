/** `POST /servers/{id}/action`: one action per call. */
import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { lastLines } from '#domain/last-lines.ts';
import type { LockRight } from '#engine/contract.ts';
import { rebuildServer } from '#services/compute/rebuild.ts';
import { addGroup, removeGroup } from '#services/compute/security-groups.ts';
import { machineOf } from '#services/compute/servers.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import type { Row } from '../http/route.ts';
import { since, type VersionSpan } from '../http/versioned.ts';
import { authorize, type computePolicy, route, unsupportedRoute } from './policy.ts';
import { serialConsoleUrl } from './server-console.ts';
import { serverOf, targetOf, unlockedServerOf } from './server-of.ts';
import { RebuildBody, serverBodyBytes } from './server-requests.ts';
import { ServerReply, serverReply } from './server-view.ts';

type Rule = keyof typeof computePolicy.rules;

const place = { method: 'POST', path: '/servers/:id/action', bodyLimit: serverBodyBytes } as const;

type Simple = VersionSpan & {
  readonly action: string;
  readonly policy: Rule;
  readonly summary: string;
  /** The action's argument; default: anything, as in Nova. */
  readonly argument?: TSchema;
  readonly run: (context: ApiContext, server: Server, by: LockRight) => Promise<unknown>;
};

/** An action without an argument and without a reply: 202. */
function simple({ action, argument = Type.Unknown(), run, ...row }: Simple): Row {
  return route({
    ...place,
    ...row,
    action,
    status: 202,
    body: Type.Object({ [action]: argument }),
    async handler(request, context) {
      const { server, by } = await unlockedServerOf(request, context);
      await run(context, server, by);
    },
  });
}

const ConsoleOutput = Type.Object({
  length: Type.Optional(Type.Union([Type.Integer({ minimum: -1 }), Type.String({ pattern: '^(-1|[0-9]+)$' }), Type.Null()])),
});
const Lock = Type.Object({ locked_reason: since(73, Type.Optional(Type.String({ maxLength: 255 }))) });

type GroupAction = {
  readonly action: string;
  readonly verb: 'add' | 'remove';
  readonly summary: string;
  readonly run: typeof addGroup;
};

function groupAction({ action, verb, summary, run }: GroupAction): Row {
  return route({
    ...place,
    action,
    policy: `os_compute_api:os-security-groups:${verb}`,
    summary,
    status: 202,
    body: Type.Object({ [action]: Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }) }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      const { name } = request.body[action] as { name: string };
      await run(context, request.caller, { server, name });
    },
  });
}

/** Nova's words: of the server's project, or another. */
function lockerOf({ caller }: FastifyRequest, { project_id }: Server): 'owner' | 'admin' {
  return caller.project_id === project_id ? 'owner' : 'admin';
}

const supportedActions = [
  simple({
    action: 'os-start',
    policy: 'os_compute_api:servers:start',
    summary: 'Power a server on',
    run: ({ engine }, { id }, by) => engine.startServer(id, by),
  }),
  simple({
    action: 'os-stop',
    policy: 'os_compute_api:servers:stop',
    summary: 'Power a server off',
    run: ({ engine }, { id }, by) => engine.stopServer(id, by),
  }),
  simple({
    action: 'forceDelete',
    policy: 'os_compute_api:os-deferred-delete:force',
    summary: 'Delete a server',
    run: ({ engine }, { id }, by) => engine.deleteServer(id, by),
  }),
  simple({
    action: 'trigger_crash_dump',
    policy: 'os_compute_api:servers:trigger_crash_dump',
    since: 17,
    summary: 'Send an NMI to a server',
    run: async (context, server) => context.engine.injectNmi(await machineOf(context, server)),
  }),
  route({
    ...place,
    action: 'reboot',
    policy: 'os_compute_api:servers:reboot',
    summary: 'Reboot a server, SOFT or HARD',
    status: 202,
    body: Type.Object({ reboot: Type.Unknown() }),
    async handler(request, context) {
      const { server, by } = await unlockedServerOf(request, context);
      await context.engine.rebootServer(server.id, rebootType(request.body.reboot), by);
    },
  }),
  route({
    ...place,
    action: 'rebuild',
    policy: 'os_compute_api:servers:rebuild',
    summary: 'Reinstall a server, also with another image',
    status: 202,
    body: RebuildBody,
    reply: ServerReply,
    async handler(request, context) {
      const { server, by } = await unlockedServerOf(request, context);
      const rebuilt = await rebuildServer(context, { caller: request.caller, server, by, request: request.body.rebuild });
      return serverReply(context, request, rebuilt);
    },
  }),
  route({
    ...place,
    action: 'lock',
    policy: 'os_compute_api:os-lock-server:lock',
    summary: 'Lock a server',
    status: 202,
    body: Type.Object({ lock: Type.Union([Type.Null(), Lock]) }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      const reason = request.body.lock?.locked_reason ?? null;
      await context.engine.lockServer(server.id, lockerOf(request, server), reason);
    },
  }),
  route({
    ...place,
    action: 'unlock',
    policy: 'os_compute_api:os-lock-server:unlock',
    summary: 'Unlock a server',
    status: 202,
    body: Type.Object({ unlock: Type.Unknown() }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      const override = () => authorize(request, 'os_compute_api:os-lock-server:unlock:unlock_override', targetOf(server));
      await context.engine.unlockServer(server.id, lockerOf(request, server), override);
    },
  }),
  groupAction({
    action: 'addSecurityGroup',
    verb: 'add',
    summary: 'Add a security group to the ports of a server',
    run: addGroup,
  }),
  groupAction({
    action: 'removeSecurityGroup',
    verb: 'remove',
    summary: 'Remove a security group from the ports of a server',
    run: removeGroup,
  }),
  // Later versions have `/servers/{id}/remote-consoles`.
  route({
    ...place,
    action: 'os-getSerialConsole',
    policy: 'os_compute_api:os-remote-consoles',
    until: 5,
    summary: 'Open the serial console: a WebSocket URL for one connection',
    body: Type.Object({ 'os-getSerialConsole': Type.Unknown() }),
    reply: Type.Object({ console: Type.Object({ type: Type.String(), url: Type.String() }) }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      return { console: { type: 'serial', url: await serialConsoleUrl(context, request, server) } };
    },
  }),
  route({
    ...place,
    action: 'os-getConsoleOutput',
    policy: 'os_compute_api:os-console-output',
    summary: "Show a server's serial output: all of it, or the last `length` lines",
    body: Type.Object({ 'os-getConsoleOutput': Type.Union([ConsoleOutput, Type.Null()]) }),
    reply: Type.Object({ output: Type.String() }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      const length = Number(request.body['os-getConsoleOutput']?.length ?? -1);
      const output = await consoleOutput(context, server, length < 0 ? undefined : length);
      request.log.debug({ server: server.id, characters: output.length }, 'console output read');
      return { output };
    },
  }),
];

/** Nova's other actions. They exist, so the reply is not "no such action". */
const unsupportedActions: readonly (VersionSpan & { action: string; policy: Rule })[] = [
  { action: 'addFixedIp', policy: 'os_compute_api:os-multinic:add', until: 43 },
  { action: 'addFloatingIp', policy: 'os_compute_api:os-floating-ips:add', until: 43 },
  { action: 'changePassword', policy: 'os_compute_api:os-admin-password' },
  { action: 'confirmResize', policy: 'os_compute_api:servers:confirm_resize' },
  { action: 'createBackup', policy: 'os_compute_api:os-create-backup' },
  { action: 'createImage', policy: 'os_compute_api:servers:create_image' },
  { action: 'evacuate', policy: 'os_compute_api:os-evacuate' },
  { action: 'injectNetworkInfo', policy: 'os_compute_api:os-admin-actions:inject_network_info' },
  { action: 'migrate', policy: 'os_compute_api:os-migrate-server:migrate' },
  { action: 'os-getRDPConsole', policy: 'os_compute_api:os-remote-consoles', until: 5 },
  { action: 'os-getSPICEConsole', policy: 'os_compute_api:os-remote-consoles', until: 5 },
  { action: 'os-getVNCConsole', policy: 'os_compute_api:os-remote-consoles', until: 5 },
  { action: 'os-migrateLive', policy: 'os_compute_api:os-migrate-server:migrate_live' },
  { action: 'os-resetState', policy: 'os_compute_api:os-admin-actions:reset_state' },
  { action: 'pause', policy: 'os_compute_api:os-pause-server:pause' },
  { action: 'removeFixedIp', policy: 'os_compute_api:os-multinic:remove', until: 43 },
  { action: 'removeFloatingIp', policy: 'os_compute_api:os-floating-ips:remove', until: 43 },
  { action: 'rescue', policy: 'os_compute_api:os-rescue' },
  { action: 'resetNetwork', policy: 'os_compute_api:os-admin-actions:inject_network_info' },
  { action: 'resize', policy: 'os_compute_api:servers:resize' },
  { action: 'restore', policy: 'os_compute_api:os-deferred-delete:restore' },
  { action: 'resume', policy: 'os_compute_api:os-suspend-server:resume' },
  { action: 'revertResize', policy: 'os_compute_api:servers:revert_resize' },
  { action: 'shelve', policy: 'os_compute_api:os-shelve:shelve' },
  { action: 'shelveOffload', policy: 'os_compute_api:os-shelve:shelve_offload' },
  { action: 'suspend', policy: 'os_compute_api:os-suspend-server:suspend' },
  { action: 'unpause', policy: 'os_compute_api:os-pause-server:unpause' },
  { action: 'unrescue', policy: 'os_compute_api:os-unrescue' },
  { action: 'unshelve', policy: 'os_compute_api:os-shelve:unshelve' },
];

export const serverActionRoutes: readonly Row[] = [
  ...supportedActions,
  ...unsupportedActions.map((row) =>
    unsupportedRoute({
      ...place,
      ...row,
      what: `The server action ${row.action}`,
      before: serverOf,
    }),
  ),
];

function rebootType(argument: unknown): 'SOFT' | 'HARD' {
  const wanted = (argument as { type?: unknown } | null)?.type;
  const type = typeof wanted === 'string' ? wanted.toUpperCase() : '';
  if (type === 'SOFT' || type === 'HARD') return type;
  throw new Fault('badRequest', { detail: "Argument 'type' for reboot must be SOFT or HARD." });
}

async function consoleOutput(context: ApiContext, server: Server, lines: number | undefined): Promise<string> {
  // The log saved when a failed server lost its machine; later output does not belong to this server.
  const kept = server.node_uuid === null ? server.console_log : null;
  const output =
    kept === null ? await context.engine.consoleLog(await machineOf(context, server), lines) : lastLines(kept, lines);
  if (output === null) throw new Fault('unsupported', { what: 'A console log with the console_interface of this node' });
  return output;
}
