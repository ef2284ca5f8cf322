import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { suite, test } from 'node:test';
import { startRedfishService } from '#test/a-redfish-service.ts';
import { RedfishError } from './redfish-client.ts';
import { createEventParser, type ServerEvent } from './server-sent-events.ts';

const path = '/redfish/v1/EventService/SSE';
const event = { '@odata.type': '#Event.v1_7_0.Event', Events: [{ MessageId: 'ResourceEvent.1.0.ResourceChanged' }] };

suite('a stream of events', () => {
  const text = `: hello\r\n\r\nid: 1\ndata: {"a":\ndata: 1}\n\ndata: no json\n\ndata:[1]\n\nretry: 5\nevent: x\nid: 2\rdata:{"b":2}\r\r`;

  test('is read alike however it is split', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const heard: ServerEvent[] = [];
      const parse = createEventParser((one) => void heard.push(one));
      parse(text.slice(0, cut));
      parse(text.slice(cut));
      parse('\n');
      assert.deepEqual(heard, [
        { id: '1', body: { a: 1 } },
        { id: '2', body: { b: 2 } },
      ]);
    }
  });

  test('whose line or event never ends is given up', () => {
    assert.throws(() => createEventParser(() => undefined)('x'.repeat(1_100_000)));
    const parse = createEventParser(() => undefined);
    assert.throws(() => {
      for (let count = 0; count < 2_000; count++) parse(`data: ${'x'.repeat(1_000)}\n`);
    });
  });

  test('uses the token of the session, and ends when either side closes it', async (t) => {
    const responses: ServerResponse[] = [];
    const stream = (response: ServerResponse) => {
      responses.push(response.writeHead(200, { 'content-type': 'text/event-stream' }));
      response.write(`data: ${JSON.stringify(event)}\n\n`);
    };
    const fixture = await startRedfishService(t, { [`GET ${path}`]: { stream }, 'GET /redfish/v1/x': { body: {} } });
    const client = fixture.open();
    const first = Promise.withResolvers<ServerEvent>();
    const one = await client.stream(path, first.resolve);
    assert.deepEqual((await first.promise).body, event);
    assert.equal(fixture.asked.at(-1)?.headers['x-auth-token'], 't1');
    // A stream does not block other requests.
    assert.equal((await client.get('/redfish/v1/x')).status, 200);
    responses[0]?.end();
    await one.ended;

    const second = await client.stream(path, () => undefined);
    second.close();
    await second.ended;
  });

  for (const [title, answer, failure] of [
    ['a refusal', { status: 503, body: { error: { message: 'Too many streams.' } } }, 'answered'],
    ['something else', { body: {} }, 'unfit'],
  ] as const) {
    test(`that is ${title} is an error`, async (t) => {
      const fixture = await startRedfishService(t, { [`GET ${path}`]: answer });
      await assert.rejects(
        fixture.open().stream(path, () => undefined),
        (error) => error instanceof RedfishError && error.failure === failure,
      );
    });
  }
});
