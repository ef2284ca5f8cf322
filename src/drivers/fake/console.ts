import { Duplex } from 'node:stream';
import type { ConsoleInterface, ConsoleStream, NodeFacts } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

export function createFakeConsole(bmc: FakeBmc): ConsoleInterface {
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    async log(node, { lines } = {}) {
      const text = screen(node, bmc.machines.power(node));
      return `${(lines === undefined ? text : text.slice(Math.max(text.length - lines, 0))).join('\n')}\n`;
    },
    async open(node, { signal }) {
      await bmc.ask(node, 'console', { signal });
      const stream = echo(node);
      const end = () => stream.destroy();
      signal.addEventListener('abort', end, { once: true });
      stream.once('close', () => signal.removeEventListener('abort', end));
      return stream;
    },
  };
}

function screen(node: NodeFacts, power: string): string[] {
  const name = node.name ?? node.uuid;
  return [`[    0.000000] fake machine ${name}`, `[    1.000000] power: ${power}`, `${name} login: `];
}

/** A terminal that echoes its input. */
function echo(node: NodeFacts): ConsoleStream {
  const stream: ConsoleStream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      stream.push(chunk.toString('latin1').replaceAll('\r', '\r\n'), 'latin1');
      done();
    },
    final(done) {
      stream.push(null);
      done();
    },
  });
  stream.sendBreak = () => void stream.push('\r\n[break]\r\n');
  stream.push(`${node.name ?? node.uuid} login: `);
  return stream;
}
