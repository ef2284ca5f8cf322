/** `/v1/nodes/{node}/states`, maintenance, boot device, validation: current and target states of a machine. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { fixedInterfaceTable } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Engine } from '#engine/contract.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { stateName } from './node-json.ts';

const NodeParams = Type.Object({ node: Type.String() });

export function registerNodeStates(app: ApiScope, context: ApiContext): void {
  const { engine } = context;

  app.get('/nodes/:node/states', { schema: { params: NodeParams } }, async (request) => {
    const node = await findNode(context, request.params.node);
    const { minor } = request.microversion;
    return {
      power_state: node.power_state,
      target_power_state: node.target_power_state,
      provision_state: stateName(node.provision_state, minor),
      target_provision_state: stateName(node.target_provision_state, minor),
      provision_updated_at: node.provision_updated_at,
      last_error: node.last_error,
      console_enabled: node.console_enabled,
      ...(atLeast(request.microversion, 12) && { raid_config: {}, target_raid_config: {} }),
      ...(atLeast(request.microversion, 75) && (await bootState(engine, node))),
    };
  });

  const PowerRequest = Type.Object({
    target: Type.String(),
    timeout: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^0*[1-9][0-9]{0,8}$' })])),
  });
  app.put('/nodes/:node/states/power', { schema: { params: NodeParams, body: PowerRequest } }, async (request, reply) => {
    const node = await findNode(context, request.params.node);
    await engine.setPower(node.uuid, powerTarget(request.body.target));
    return accepted(reply, `${context.baseUrl(request)}/baremetal/v1/nodes/${node.uuid}/states`);
  });

  registerProvision(app, context);
  registerMaintenance(app, context);
  registerValidation(app, context);
}

/** Read from the BMC; if its health is not ok, the last known values, without waiting. Null = unknown. */
async function bootState(engine: Engine, { uuid, boot_mode, secure_boot }: Node): Promise<object> {
  const health = engine.bmcHealth(uuid);
  const last = { boot_mode, secure_boot };
  return health && health.state !== 'ok' ? last : engine.bootState(uuid).catch(() => last);
}

/** Ironic's power targets. */
const powerTargetTable: Readonly<Record<string, Parameters<Engine['setPower']>[1]>> = {
  'power on': 'power on',
  'power off': 'power off',
  rebooting: 'reset',
  'soft power off': 'soft power off',
};

function powerTarget(asked: string) {
  const target = Object.hasOwn(powerTargetTable, asked) ? powerTargetTable[asked] : undefined;
  if (target) return target;
  if (asked === 'soft rebooting')
    throw new Fault('unsupported', { what: 'A soft reboot of a node (reboot its server softly instead)' });
  throw new Fault('badRequest', {
    detail: `The desired power state '${asked}' is invalid: ${Object.keys(powerTargetTable).join(', ')}.`,
  });
}

const ProvisionRequest = Type.Object({
  target: Type.String(),
  clean_steps: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 100 })),
  configdrive: Type.Optional(Type.Unknown()),
  deploy_steps: Type.Optional(Type.Unknown()),
  rescue_password: Type.Optional(Type.Unknown()),
  service_steps: Type.Optional(Type.Unknown()),
  runbook: Type.Optional(Type.Unknown()),
  disable_ramdisk: Type.Optional(Type.Unknown()),
});

/** Verbs with their first microversion; those of the second table exist only in Ironic. */
const verbTable: Readonly<Record<string, { since: number; verb: string }>> = {
  active: { since: 1, verb: 'active' },
  deleted: { since: 1, verb: 'deleted' },
  rebuild: { since: 1, verb: 'rebuild' },
  manage: { since: 4, verb: 'manage' },
  provide: { since: 4, verb: 'provide' },
  abort: { since: 13, verb: 'abort' },
  clean: { since: 15, verb: 'clean' },
  deploy: { since: 73, verb: 'active' },
  undeploy: { since: 73, verb: 'deleted' },
};
const unsupportedVerbs = ['inspect', 'adopt', 'rescue', 'unrescue', 'hold', 'unhold', 'service'];

function provisionVerb(asked: string, version: Microversion): string {
  if (unsupportedVerbs.includes(asked)) throw new Fault('unsupported', { what: `The provision verb '${asked}'` });
  const row = Object.hasOwn(verbTable, asked) ? verbTable[asked] : undefined;
  if (!row) throw new Fault('badRequest', { detail: `The requested action "${asked}" could not be understood.` });
  if (!atLeast(version, row.since))
    throw new Fault('notAcceptable', { detail: `The provision verb '${asked}' needs API version 1.${row.since} or later.` });
  return row.verb;
}

function registerProvision(app: ApiScope, context: ApiContext): void {
  app.put('/nodes/:node/states/provision', { schema: { params: NodeParams, body: ProvisionRequest } }, async (request, reply) => {
    const node = await findNode(context, request.params.node);
    const { target, clean_steps, ...others } = request.body;
    const verb = provisionVerb(target, request.microversion);
    for (const name of ['configdrive', 'deploy_steps', 'rescue_password', 'service_steps', 'runbook'] as const) {
      if (others[name] !== undefined && others[name] !== null)
        throw new Fault('unsupported', { what: `${name} with '${target}'` });
    }
    if (verb === 'clean' && !clean_steps?.length)
      throw new Fault('badRequest', { detail: 'clean_steps is required when setting target provision state to clean' });
    await context.engine.setProvisionState(
      node.uuid,
      verb,
      clean_steps ? { clean_steps: clean_steps as JsonObject[] } : undefined,
    );
    return accepted(reply, `${context.baseUrl(request)}/baremetal/v1/nodes/${node.uuid}/states`);
  });
}

function registerMaintenance(app: ApiScope, context: ApiContext): void {
  const reason = Type.Optional(Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]));
  const MaintenanceRequest = Type.Object({ reason });
  const withoutBody = async (request: FastifyRequest) => {
    request.body ??= {};
  };
  app.put(
    '/nodes/:node/maintenance',
    { preValidation: withoutBody, schema: { params: NodeParams, body: MaintenanceRequest } },
    async (request, reply) => {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.setMaintenance(uuid, true, request.body.reason ?? undefined);
      reply.code(202).send();
    },
  );
  app.delete('/nodes/:node/maintenance', { schema: { params: NodeParams } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await context.engine.setMaintenance(uuid, false);
    reply.code(202).send();
  });
}

function registerValidation(app: ApiScope, context: ApiContext): void {
  app.get('/nodes/:node/validate', { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const results = await context.engine.validateNode(uuid);
    // With no choice, they are neither valid nor invalid.
    const unchecked = Object.keys(fixedInterfaceTable).map((kind) => [kind, { result: null, reason: 'not supported' }]);
    const checked = Object.entries(results).map(([name, { result, reason }]) => [name, { result, reason: reason ?? null }]);
    return Object.fromEntries([...checked, ...unchecked]);
  });
}

function accepted(reply: FastifyReply, location: string): FastifyReply {
  return reply.code(202).header('location', location).send();
}
