/** `/v1/nodes/{node}/states`, maintenance, validation: current and target states of a machine. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { fixedInterfaceTable } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import { stateName } from '#domain/provision-states.ts';
import { findProvisionVerb, type ProvisionVerb } from '#engine/operations/shown-as.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { readBootState, setNodePower, setProvisionState } from '#services/baremetal/node-states.ts';
import type { StepRights } from '#services/baremetal/provision-steps.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { ApiContext } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { Nullable } from '../http/schemas.ts';
import { since } from '../http/versioned.ts';
import { seesNode } from './node-access.ts';
import { redactionFor } from './node-redaction.ts';
import { nodeUrl } from './node-reply.ts';
import { allows, authorize, authorizeSteps, nodeTarget, route } from './policy.ts';
import { requireVersion } from './since.ts';

const Text = Nullable(Type.String());
const Steps = Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 100 });
/** User data, keys and network configuration, compressed; as much as any route reads. */
const configDriveBytes = 512 * 1024;
const Validity = Type.Object({ result: Type.Boolean(), reason: Type.Optional(Type.String()) });
const RaidConfig = Type.Record(Type.String(), Type.Unknown());
const Anything = Type.Optional(Type.Unknown());

export const nodeStateRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/states',
    policy: 'baremetal:node:get_states',
    summary: 'Show the states of a node',
    reply: Type.Object({
      power_state: Text,
      target_power_state: Text,
      provision_state: Text,
      target_provision_state: Text,
      provision_updated_at: Text,
      last_error: Text,
      console_enabled: Type.Boolean(),
      raid_config: since(12, Type.Optional(RaidConfig)),
      target_raid_config: since(12, Type.Optional(RaidConfig)),
      boot_mode: since(75, Type.Optional(Text)),
      secure_boot: since(75, Type.Optional(Nullable(Type.Boolean()))),
    }),
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      const { minor } = request.microversion;
      const redacted = redactionFor(request)?.('last_error', node);
      return {
        power_state: node.power_state,
        target_power_state: node.target_power_state,
        provision_state: stateName(node.provision_state, minor),
        target_provision_state: stateName(node.target_provision_state, minor),
        provision_updated_at: node.provision_updated_at,
        last_error: redacted === undefined ? node.last_error : (JSON.parse(redacted) as string),
        console_enabled: node.console_enabled,
        ...(atLeast(request.microversion, 12) && {
          raid_config: node.raid_config,
          target_raid_config: node.target_raid_config,
        }),
        ...(atLeast(request.microversion, 75) && (await readBootState(context, node))),
      };
    },
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/states/power',
    policy: 'baremetal:node:set_power_state',
    summary: 'Change the power state of a node',
    status: 202,
    body: Type.Object({
      target: Type.String(),
      timeout: Type.Optional(
        Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^0*[1-9][0-9]{0,8}$' }), Type.Null()]),
      ),
    }),
    async handler(request, context, reply) {
      const node = await findNode(context, request.params.node);
      await setNodePower(context, node, request.body.target);
      sendLocation(context, request, { reply, node });
    },
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/states/provision',
    policy: 'baremetal:node:set_provision_state',
    summary: 'Change the provision state of a node',
    status: 202,
    bodyLimit: configDriveBytes,
    body: Type.Object({
      target: Type.String(),
      clean_steps: Type.Optional(Nullable(Steps)),
      configdrive: Anything,
      deploy_steps: Type.Optional(Nullable(Steps)),
      rescue_password: Anything,
      service_steps: Type.Optional(Nullable(Steps)),
      runbook: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
      disable_ramdisk: Anything,
    }),
    async handler(request, context, reply) {
      const node = await findNode(context, request.params.node);
      const verb = provisionVerb(request.body.target, node, request.microversion);
      const { caller, microversion } = request;
      await setProvisionState(context, node, {
        ...{ verb, request: request.body, caller, minor: microversion.minor },
        rights: rightsOf(request, node),
      });
      sendLocation(context, request, { reply, node });
    },
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/states/raid',
    policy: 'baremetal:node:set_raid_state',
    summary: 'Set the RAID configuration that a node is to have',
    status: 204,
    body: RaidConfig,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      requireVersion(request.microversion, 'RAID', 12);
      await context.engine.setTargetRaid(uuid, request.body as JsonObject);
    },
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/maintenance',
    policy: 'baremetal:node:set_maintenance',
    summary: 'Put a node into maintenance',
    status: 202,
    body: Type.Union([
      Type.Object({ reason: Type.Optional(Nullable(Type.String({ maxLength: 4096 }))) }),
      Type.Null(),
      Type.Undefined(),
    ]),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.setMaintenance(uuid, true, request.body?.reason ?? undefined);
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/maintenance',
    policy: 'baremetal:node:clear_maintenance',
    summary: 'End the maintenance of a node',
    status: 202,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.setMaintenance(uuid, false);
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/validate',
    policy: 'baremetal:node:validate',
    summary: 'Validate the interfaces of a node',
    reply: Type.Record(Type.String(), Validity),
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      const { vendor: _, ...checked } = await context.engine.validateNode(node.uuid);
      const fixed = Object.entries(fixedInterfaceTable).map(([kind, { name }]) => [kind, validityOf(node, kind, name)]);
      return { ...checked, ...Object.fromEntries(fixed) };
    },
  }),
];

/** Nova's driver deploys only on nodes whose `deploy`, `power` and `storage` interfaces are valid. */
function validityOf({ driver }: Pick<Node, 'driver'>, kind: string, name: string): Static<typeof Validity> {
  if (!name.startsWith('no-')) return { result: true };
  return { result: false, reason: `Driver ${driver} does not support ${kind} (disabled or not implemented).` };
}

function rightsOf(request: FastifyRequest, node: Node): StepRights {
  return {
    arbitrary: (of) => authorize(request, `baremetal:node:set_provision_state:${of}`, nodeTarget(node)),
    steps: (steps) => authorizeSteps(request, steps, node),
    onChild(child, { use, step, isNamed }) {
      if (!seesNode(request, child) && isNamed) throw new Fault('notFound', { what: 'Node', id: child.uuid });
      if (!seesNode(request, child)) throw new Fault('forbidden', { detail: hiddenChild });
      authorize(request, 'baremetal:node:set_provision_state', nodeTarget(child));
      authorize(request, `baremetal:node:set_provision_state:${use}_steps`, nodeTarget(child));
      authorizeSteps(request, [step], child);
    },
    runbook({ uuid, owner, ...runbook }) {
      const target = { 'runbook.owner': owner };
      if (!runbook.public && !allows(request, 'baremetal:runbook:get', target))
        throw new Fault('notFound', { what: 'Runbook', id: uuid });
      authorize(request, 'baremetal:runbook:use', target);
    },
  };
}

const hiddenChild =
  'The node has child nodes on which you may not execute steps: name those that you may use in limit_child_node_execution.';

/** Verbs that exist only in Ironic. */
const unsupportedVerbs = ['rescue', 'unrescue'];

function provisionVerb(asked: string, node: Node, version: Microversion): ProvisionVerb {
  const verb = findProvisionVerb(asked, node.provision_state);
  if (!verb && unsupportedVerbs.includes(asked)) throw new Fault('unsupported', { what: `The provision verb '${asked}'` });
  if (!verb) throw new Fault('badRequest', { detail: `The requested action "${asked}" could not be understood.` });
  if (!atLeast(version, verb.since))
    throw new Fault('notAcceptable', { detail: `The provision verb '${asked}' needs API version 1.${verb.since} or later.` });
  return verb;
}

/** Where the client can follow the change. */
function sendLocation(
  context: ApiContext,
  request: FastifyRequest,
  { reply, node }: { reply: FastifyReply; node: { uuid: string } },
): void {
  reply.header('location', `${nodeUrl(context, request, node)}/states`);
}
