/** Requests for nodes to the bare metal API, as used by the API's tests. */
import assert from 'node:assert/strict';
import type { RackFixture } from '#test/rack-fixture.ts';

const nodes = '/baremetal/v1/nodes';
const newest = 109;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** `ask`: at a microversion, below `/nodes` unless the path begins with a slash. `enrol`: a node with a unique name. */
export function nodeRequests(fixture: RackFixture) {
  let count = 0;
  function ask(method: Method, path: string, payload?: object, minor = newest) {
    return fixture.ask({
      method,
      url: path.startsWith('/') ? path : `${nodes}${path && `/${path}`}`,
      headers: { 'x-openstack-ironic-api-version': `1.${minor}` },
      ...(payload && { payload }),
    });
  }
  async function enrol(fields: object = {}, minor = newest) {
    count += 1;
    const reply = await ask('POST', '', { driver: 'fake-hardware', name: `node-${count}`, ...fields }, minor);
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
    return reply.body;
  }
  return { ask, enrol };
}

export const textOf = (body: { error_message: string }) => JSON.parse(body.error_message).faultstring;
