/** `/v1/nodes/{node}/management/indicators`: the LEDs of a machine. */
import { Type } from 'typebox';
import { component, indicator, indicatorStates, refuseUnknownIndicator } from '#services/baremetal/indicators.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { route } from './policy.ts';

const path = '/nodes/:node/management/indicators';
const State = Type.Union(indicatorStates.map((state) => Type.Literal(state)));
const NoLinks = Type.Array(Type.Unknown());
const Indicator = Type.Object({
  name: Type.String(),
  readonly: Type.Boolean(),
  states: Type.Array(Type.String()),
  links: NoLinks,
});

export const nodeIndicatorRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'baremetal:node:get_indicator_state',
    summary: 'List the components of a node with indicators',
    reply: Type.Object({ components: Type.Array(Type.Object({ name: Type.String(), links: NoLinks })) }),
    async handler(request, context) {
      await findNode(context, request.params.node);
      return { components: [{ name: component, links: [] }] };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:component`,
    policy: 'baremetal:node:get_indicator_state',
    summary: 'List the indicators of a component',
    reply: Type.Object({ indicators: Type.Array(Indicator) }),
    async handler(request, context) {
      await findNode(context, request.params.node);
      refuseUnknownIndicator({ ...request.params, indicator });
      return { indicators: [{ name: indicator, readonly: false, states: [...indicatorStates], links: [] }] };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:component/:indicator`,
    policy: 'baremetal:node:get_indicator_state',
    summary: 'Show the state of an indicator',
    reply: Type.Object({ state: Type.String() }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      refuseUnknownIndicator(request.params);
      return { state: (await context.engine.getIndicator(uuid)).toUpperCase() };
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/:component/:indicator`,
    policy: 'baremetal:node:set_indicator_state',
    summary: 'Change the state of an indicator',
    status: 204,
    body: Type.Object({ state: State }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      refuseUnknownIndicator(request.params);
      await context.engine.setIndicator(uuid, String(request.body.state).toLowerCase() as 'on' | 'off' | 'blinking');
    },
  }),
];
