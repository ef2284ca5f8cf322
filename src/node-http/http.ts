/**
 * What is used of Node's `http`. `import … from 'node:http'` reads all that it exports, among it WebSocket, for which Node
 * loads its whole fetch implementation: 15 MiB and 50 ms of each start (Node.js 26). Types may be imported from `node:http`.
 */
export const { Agent, createServer, request, STATUS_CODES } = process.getBuiltinModule('node:http');
