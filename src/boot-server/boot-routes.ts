/**
 * HTTP routes for firmware: the boot script of a MAC and the files it names. Firmware has no credential; its address
 * identifies it.
 */
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ethernetForm } from '#agent-protocol/infiniband.ts';
import { Fault } from '#domain/faults.ts';
import { formatRequester, isMachine, type Requester } from '#domain/requesters.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import { type HttpParts, reportsOf, requesterOf } from './http-requests.ts';
import { sendFile } from './send-file.ts';

/** UEFI HTTP boot sends HEAD to learn the size of a file before it loads it. */
const fileMethods = ['GET', 'HEAD'];

export function bootRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.get<{ Params: { mac: string } }>('/boot/ipxe/:mac', async (request, reply) => {
    const mac = ethernetForm(request.params.mac.toLowerCase().replaceAll('-', ':'));
    const subject = `/boot/ipxe/${mac.slice(0, 20)}`;
    const plan = parts.plans.ofMac(mac);
    const requester = await expectMachine(parts, { request, plan, subject });
    if (plan?.spent) reportSpentPlan(parts, { mac, requester, subject });
    const script = plan?.ipxe_script;
    if (script === undefined) throw new Fault('notFound', { what: 'Boot script of', id: mac.slice(0, 20) });
    const message = `fetched its boot script over HTTP: ${script.length} bytes`;
    parts.report({
      kind: 'http',
      mac,
      address: requester.address,
      subject,
      message,
      duration_ms: Math.round(reply.elapsedTime),
      data: { bytes: script.length },
    });
    return reply.type('text/plain; charset=utf-8').send(script);
  });

  /** Called by the script of a machine with an installed system when booting from disk failed. */
  app.get<{ Params: { mac: string } }>('/boot/disk-failed/:mac', async (request, reply) => {
    const mac = ethernetForm(request.params.mac.toLowerCase().replaceAll('-', ':'));
    const subject = `/boot/disk-failed/${mac.slice(0, 20)}`;
    const plan = parts.plans.ofMac(mac);
    const requester = await expectMachine(parts, { request, plan, subject });
    if (!plan) throw new Fault('notFound', { what: 'Boot plan of', id: mac.slice(0, 20) });
    const message = 'reported that its first disk is not bootable';
    parts.report({ kind: 'http', mac, address: requester.address, subject: 'disk failed', message });
    return reply.type('text/plain; charset=utf-8').send('noted\n');
  });

  /** For UEFI HTTP boot; the TFTP server serves the same file to other firmware. */
  app.route({
    method: fileMethods,
    url: '/boot/firmware/snponly.efi',
    handler: (request, reply) =>
      sendFile(request, reply, {
        path: join(parts.tftpRoot, 'snponly.efi'),
        ...reportsOf(parts, request, { subject: '/boot/firmware/snponly.efi' }),
      }),
  });

  app.route<{ Params: { folder: string; name: string } }>({
    method: fileMethods,
    url: '/boot/files/:folder/:name',
    handler: (request, reply) => sendBootFile(parts, request, reply),
  });
}

type FileRequest = FastifyRequest<{ Params: { folder: string; name: string } }>;

/**
 * Serves only files of a live plan, since names become paths, and only to its machine, since a kernel may be a
 * tenant's.
 */
async function sendBootFile(parts: HttpParts, request: FileRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { folder, name } = request.params;
  const plan = parts.plans.withFile(folder, name);
  if (!plan) throw new Fault('notFound', { what: 'Boot file', id: `${folder}/${name}` });
  const subject = `/boot/files/${folder}/${name}`;
  const requester = await expectMachine(parts, { request, plan, subject });
  return sendFile(request, reply, {
    path: join(parts.tftpRoot, folder, name),
    ...reportsOf(parts, request, { subject, mac: requester.macs[0] }),
  });
}

type CallOptions = { request: FastifyRequest; plan: BootPlan | undefined; subject: string };

/** A boot script contains a deployment token. Other requesters get the same reply as for an unknown machine. */
async function expectMachine(parts: HttpParts, { request, plan, subject }: CallOptions): Promise<Requester> {
  const requester = await requesterOf(parts, request);
  if (
    !plan ||
    isMachine(
      requester,
      plan.macs.map((entry) => entry.mac),
    )
  )
    return requester;
  const [first] = plan.macs;
  parts.report({
    kind: 'http',
    ...(first && { mac: first.mac }),
    isOtherMachine: true,
    subject: 'other machine',
    message: `Another machine at ${formatRequester(requester)} asked for ${subject}; it was refused`,
    address: requester.address,
  });
  throw new Fault('notFound', { what: 'Resource', id: subject });
}

/** Firmware may read a script any number of times until the ramdisk runs; a later read is unexpected. */
function reportSpentPlan(
  { report }: HttpParts,
  { mac, requester, subject }: { mac: string; requester: Requester; subject: string },
): void {
  report({
    kind: 'http',
    mac,
    address: requester.address,
    subject,
    message: `asked for its boot script again from ${formatRequester(requester)} after its ramdisk had reported: the machine restarted by itself, or another one uses its address; it was refused`,
  });
}
