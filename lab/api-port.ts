/** Opens the API's port on the host, outside the namespace; an Ingot inside the lab's namespace inherits it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Throws with a remedy when the port is in use. */
export async function openApiPort(port: number, host = '127.0.0.1'): Promise<Server> {
  const listener = createServer().listen(port, host);
  try {
    await once(listener, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const hint = 'If it is another Ingot (bin/ingot serve), end that first; or choose another port.';
    throw Object.assign(new Error(`${host}:${port}, where the API is to listen, is taken.\n${hint}`), { cause: error });
  }
  return listener;
}

/** Early check, before long work, that the port can be opened. */
export async function checkApiPort(port: number): Promise<void> {
  (await openApiPort(port)).close();
}
