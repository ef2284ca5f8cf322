/** `/v1/volume`: the links of the volume connectors and targets, of which there are none. */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import { linksTo } from './links.ts';
import { route } from './policy.ts';

const Links = Type.Array(Type.Object({ href: Type.String(), rel: Type.String() }));
const VolumeLinks = Type.Object({ links: Links, connectors: Links, targets: Links });

export const volumeRoutes = [
  route({
    method: 'GET',
    path: '/volume',
    policy: 'baremetal:volume:get',
    summary: 'Show the links of volume resources',
    reply: VolumeLinks,
    handler: (request, context) => volumeLinks(context.baseUrl(request), 'volume'),
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/volume',
    policy: 'baremetal:volume:get',
    summary: 'Show the links of the volume resources of a node',
    reply: VolumeLinks,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      return volumeLinks(context.baseUrl(request), `nodes/${uuid}/volume`);
    },
  }),
];

function volumeLinks(base: string, path: string) {
  return {
    links: linksTo(base, `${path}/`),
    connectors: linksTo(base, `${path}/connectors`),
    targets: linksTo(base, `${path}/targets`),
  };
}
