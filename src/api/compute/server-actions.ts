/** `POST /servers/{id}/action`: one action per call. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import { lastLines } from '#domain/last-lines.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { findServer, findUnlockedServer } from './lookup.ts';
import { refuseOtherGroups } from './security-groups.ts';
import { machineOf, serialConsoleUrl } from './server-console.ts';
import { serverBodyBytes } from './server-create.ts';
import { readRebuild } from './server-rebuild.ts';
import { serverReply } from './servers.ts';

type ActionCall = { context: ApiContext; request: FastifyRequest; server: Server; argument: unknown };
type Action = {
  readonly status: number;
  /** Allowed on a locked server for everyone in the project. */
  readonly evenLocked?: boolean;
  run(call: ActionCall): Promise<object | undefined>;
};

const verb = (run: (call: ActionCall) => Promise<unknown>): Action => ({
  status: 202,
  async run(call) {
    await run(call);
    return undefined;
  },
});

const actionTable: Readonly<Record<string, Action>> = {
  'os-start': verb(({ context, server }) => context.engine.startServer(server.id)),
  'os-stop': verb(({ context, server }) => context.engine.stopServer(server.id)),
  reboot: verb(({ context, server, argument }) => context.engine.rebootServer(server.id, rebootType(argument))),
  forceDelete: verb(({ context, server }) => context.engine.deleteServer(server.id)),
  lock: { ...verb(lock), evenLocked: true },
  unlock: { ...verb(unlock), evenLocked: true },
  rebuild: { status: 202, run: rebuild },
  trigger_crash_dump: verb(async ({ context, server }) => context.engine.injectNmi(await machineOf(context, server))),
  addSecurityGroup: verb(async ({ argument }) => refuseOtherGroups([argument ?? {}])),
  'os-getSerialConsole': { status: 200, run: serialConsole },
  'os-getConsoleOutput': { status: 200, evenLocked: true, run: consoleOutput },
};

/** Nova's other actions. They exist, so the reply is not "no such action". */
const unsupportedActions = new Set([
  'addFixedIp',
  'addFloatingIp',
  'changePassword',
  'confirmResize',
  'createBackup',
  'createImage',
  'evacuate',
  'injectNetworkInfo',
  'migrate',
  'os-getRDPConsole',
  'os-getSPICEConsole',
  'os-getVNCConsole',
  'os-migrateLive',
  'os-resetState',
  'pause',
  'removeFixedIp',
  'removeFloatingIp',
  'removeSecurityGroup',
  'rescue',
  'resetNetwork',
  'resize',
  'restore',
  'resume',
  'revertResize',
  'shelve',
  'shelveOffload',
  'suspend',
  'unpause',
  'unrescue',
  'unshelve',
]);

export function registerServerActions(app: ApiScope, context: ApiContext): void {
  const params = Type.Object({ id: Type.String() });
  const body = Type.Record(Type.String(), Type.Unknown(), { minProperties: 1, maxProperties: 1 });

  app.post('/servers/:id/action', { bodyLimit: serverBodyBytes, schema: { params, body } }, async (request, reply) => {
    const [[name, argument] = ['', undefined]] = Object.entries(request.body);
    const action = Object.hasOwn(actionTable, name) ? actionTable[name] : undefined;
    if (!action) {
      await findServer(context, request, request.params.id);
      if (unsupportedActions.has(name)) throw new Fault('unsupported', { what: `The server action ${name}` });
      throw new Fault('badRequest', { detail: `There is no such action: ${name}.` });
    }
    const find = action.evenLocked ? findServer : findUnlockedServer;
    const server = await find(context, request, request.params.id);
    const result = await action.run({ context, request, server, argument });
    reply.code(action.status);
    return result ?? reply.send();
  });
}

function rebootType(argument: unknown): 'SOFT' | 'HARD' {
  const wanted = (argument as { type?: unknown } | null)?.type;
  const type = typeof wanted === 'string' ? wanted.toUpperCase() : '';
  if (type === 'SOFT' || type === 'HARD') return type;
  throw new Fault('badRequest', { detail: "Argument 'type' for reboot must be SOFT or HARD." });
}

async function lock({ context, server, argument }: ActionCall): Promise<void> {
  const reason = (argument as { locked_reason?: unknown } | null)?.locked_reason;
  if (reason !== undefined) throw new Fault('unsupported', { what: 'Keeping the reason of a lock' });
  await context.engine.updateServer(server.id, { locked: true });
}

/** In Nova, who may unlock depends on who locked; Ingot does not record that, so everyone in the project may. */
async function unlock({ context, server }: ActionCall): Promise<void> {
  await context.engine.updateServer(server.id, { locked: false });
}

async function rebuild({ context, request, server, argument }: ActionCall): Promise<object> {
  const { changes, description } = await readRebuild(context, request, { server, argument });
  const rebuilt = await context.engine.rebuildServer(server.id, changes);
  const described = description === undefined ? rebuilt : await context.engine.updateServer(server.id, { description });
  return serverReply(context, request, described);
}

/** Up to 2.5 an action returned the console URL. */
async function serialConsole({ context, request, server }: ActionCall): Promise<object> {
  return { console: { type: 'serial', url: await serialConsoleUrl(context, request, server) } };
}

const ConsoleOutput = Type.Object({
  length: Type.Optional(Type.Union([Type.Integer({ minimum: -1 }), Type.String({ pattern: '^(-1|[0-9]+)$' }), Type.Null()])),
});

/** @returns `{output}`: the last `length` lines; all of them for none, null or -1 */
async function consoleOutput({ context, request, server, argument }: ActionCall): Promise<object> {
  const options = argument ?? {};
  if (!Value.Check(ConsoleOutput, options)) throw new Fault('badRequest', { detail: 'length must be a whole number.' });
  const length = Number(options.length ?? -1);
  const lines = length < 0 ? undefined : length;
  // The log saved when a failed server lost its machine; later output does not belong to this server.
  const kept = server.node_uuid === null ? server.console_log : null;
  const output =
    kept === null ? await context.engine.consoleLog(await machineOf(context, server), lines) : lastLines(kept, lines);
  if (output === null) throw new Fault('unsupported', { what: 'A console log with the console_interface of this node' });
  request.log.debug({ server: server.id, characters: output.length }, 'console output read');
  return { output };
}
