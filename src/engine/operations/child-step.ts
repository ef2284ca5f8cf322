/** One step on a child node, for an operation of its parent, which waits for it. The child's provision state stays as it is. */

import { defineOperation } from '../worker/define-operation.ts';
import { failureText } from '../worker/last-error.ts';
import { ChildRequest, childKind } from './child-nodes.ts';
import { StepContext, stepsOf } from './node-steps.ts';

/** The start of the failure's text in `last_error`. */
const failure = 'A step of its parent node';

export const childStep = defineOperation({
  kind: childKind,
  request: ChildRequest,
  context: StepContext,
  verbs: [],
  transitions: [],
  shownAs: { ironic: {}, nova: { action: () => childKind } },
  steps: ({ request }, parts) => stepsOf(parts, [request], { use: request.use }),
  async ended(trx, operation) {
    if (operation.state === 'failed')
      await trx.nodes.update({ uuid: operation.node_uuid }, { last_error: failureText(operation, failure) });
    return [];
  },
});
