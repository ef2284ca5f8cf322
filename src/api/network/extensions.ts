/** `/extensions`: the supported Neutron extensions, which clients check before use. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { viewOf } from '../http/view.ts';
import { type Extension, extensionTable } from './extension-table.ts';
import { route } from './policy.ts';

const Text = Type.String();
const extensionView = viewOf<Extension>()({
  alias: { type: Text, value: ({ alias }) => alias },
  name: { type: Text, value: ({ name }) => name },
  description: { type: Text, value: ({ description }) => description },
  updated: { type: Text, value: () => '2013-03-28T10:00:00-00:00' },
  links: { type: Type.Array(Type.Object({})), value: () => [] },
});

export const extensionRoutes = [
  route({
    method: 'GET',
    path: '/extensions',
    policy: 'regular_user',
    summary: 'List extensions',
    reply: Type.Object({ extensions: Type.Array(extensionView.schema) }),
    handler: (request, context) => ({ extensions: extensionTable.map(extensionView.of(request, context)) }),
  }),
  route({
    method: 'GET',
    path: '/extensions/:alias',
    policy: 'regular_user',
    summary: 'Show an extension',
    reply: Type.Object({ extension: extensionView.schema }),
    handler(request, context) {
      const { alias: wanted } = request.params;
      const extension = extensionTable.find(({ alias }) => alias === wanted);
      if (!extension) throw new Fault('notFound', { what: 'Extension', id: wanted });
      return { extension: extensionView.of(request, context)(extension) };
    },
  }),
];
