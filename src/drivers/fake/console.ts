import type { ConsoleInterface, NodeFacts } from '../interfaces.ts';

export const fakeConsole = {
  properties: {},
  validate() {},
  async log(node: NodeFacts, lines?: number) {
    const name = node.name ?? node.uuid;
    const text = [
      `[    0.000000] fake machine ${name}`,
      `[    1.000000] power: ${node.power_state ?? 'unknown'}`,
      `${name} login: `,
    ];
    return `${(lines === undefined ? text : text.slice(Math.max(text.length - lines, 0))).join('\n')}\n`;
  },
} satisfies ConsoleInterface;
