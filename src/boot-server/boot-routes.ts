/** What firmware asks for over HTTP: the script of a MAC, and the files it names. No authentication: firmware has none. */
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { type HttpParts, reportTransfer, whoAsks } from './http-requests.ts';
import { sendFile } from './send-file.ts';

export function bootRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.get<{ Params: { mac: string } }>('/boot/ipxe/:mac', (request, reply) => {
    const mac = request.params.mac.toLowerCase().replaceAll('-', ':');
    const script = scriptFor(parts, mac, whoAsks(parts, request).mac);
    if (script === undefined) throw new Fault('notFound', { what: 'Boot script of', id: mac.slice(0, 20) });
    const message = `took its boot script over HTTP: ${script.length} bytes`;
    const address = whoAsks(parts, request).address;
    parts.report({
      kind: 'http',
      mac,
      address,
      subject: `/boot/ipxe/${mac}`,
      message,
      duration_ms: Math.round(reply.elapsedTime),
      data: { bytes: script.length },
    });
    return reply.type('text/plain; charset=utf-8').send(script);
  });

  /** For UEFI HTTP boot; with TFTP the same file comes from the other server. */
  app.get('/boot/firmware/snponly.efi', (request, reply) =>
    sendFile(request, reply, {
      path: join(parts.tftpRoot, 'snponly.efi'),
      onEnd: (transfer) => reportTransfer(parts, { request, subject: '/boot/firmware/snponly.efi', transfer }),
    }),
  );

  app.get<{ Params: { folder: string; name: string } }>('/boot/files/:folder/:name', (request, reply) => {
    const { folder, name } = request.params;
    // Only what a live plan names: the names become a path.
    if (!parts.plans.hasFile(folder, name)) throw new Fault('notFound', { what: 'Boot file', id: `${folder}/${name}` });
    const subject = `/boot/files/${folder}/${name}`;
    return sendFile(request, reply, {
      path: join(parts.tftpRoot, folder, name),
      onEnd: (transfer) => reportTransfer(parts, { request, subject, transfer }),
    });
  });
}

/** A script holds the token of a deployment: an address that is known to be another machine's does not get it. */
function scriptFor({ plans }: HttpParts, mac: string, asker: string | undefined): string | undefined {
  const plan = plans.ofMac(mac);
  const isStranger = asker !== undefined && plans.ofMac(asker) !== plan;
  return isStranger ? undefined : plan?.ipxe_script;
}
