import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { checkApiPort, openApiPort } from './api-port.ts';

test('reports a port in use with a remedy, before the demo builds anything', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const complaint = new RegExp(`127\\.0\\.0\\.1:${port}, where the API is to listen, is taken\\.\\nIf it is another Ingot`);

  const demo = promisify(execFile)('bin/ingot', ['demo', '--once', '--port', String(port)]);

  await assert.rejects(demo, ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => {
    assert.equal(code, 1);
    assert.equal(stdout.split('\n').length, 2, 'the first line alone');
    assert.match(stderr, complaint);
    return true;
  });
  await assert.rejects(openApiPort(port), complaint);
  other.close();
  await once(other, 'close');
  await checkApiPort(port);
});
