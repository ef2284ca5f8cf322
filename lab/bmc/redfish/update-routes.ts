/** Firmware: inventory, update by pull and by push. DSP0268: UpdateService v1, SoftwareInventory v1; DSP0266, "Multipart HTTP push updates". */
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fetchFile } from './fetch-file.ts';
import { RedfishRefusal, type Resource } from './messages.ts';
import { type Answer, collection, expectUri, head, healthy, link, missing, type Route, type WriteCall } from './route.ts';
import type { ServiceState } from './service-state.ts';
import { taskAnswer } from './task-routes.ts';

/** A pushed firmware file is counted, not stored. */
const mostBytes = 2 ** 30;

export function updateRoutes({ paths }: ServiceState): Route[] {
  const { update, inventory } = paths;
  const action = `${update}/Actions/UpdateService.SimpleUpdate`;
  return [
    {
      kind: 'updateService',
      path: update,
      get: () => ({
        ...head(update, 'UpdateService.v1_8_4.UpdateService', 'Update Service'),
        ServiceEnabled: true,
        Status: healthy,
        HttpPushUri: `${update}/push`,
        MultipartHttpPushUri: `${update}/upload`,
        MaxImageSizeBytes: mostBytes,
        FirmwareInventory: link(inventory),
        Actions: {
          '#UpdateService.SimpleUpdate': {
            target: action,
            'TransferProtocol@Redfish.AllowableValues': ['HTTP', 'HTTPS'],
          },
        },
      }),
    },
    {
      kind: 'inventories',
      path: inventory,
      get: ({ state }) =>
        collection(
          inventory,
          'SoftwareInventory',
          [...state.firmware.keys()].map((name) => `${inventory}/${name}`),
        ),
    },
    {
      kind: 'inventory',
      path: `${inventory}/{}`,
      get: (call) => {
        const [name = ''] = call.ids;
        const version = call.state.firmware.get(name);
        if (version === undefined) throw missing(call);
        const about = { Version: version, Updateable: true, SoftwareId: name.toLowerCase(), Status: healthy };
        return { ...head(`${inventory}/${name}`, 'SoftwareInventory.v1_3_0.SoftwareInventory', `${name} Firmware`), ...about };
      },
    },
    { kind: 'updateService', path: action, writer: 'administrator', post: pull },
    { kind: 'updateService', path: `${update}/push`, writer: 'administrator', raw: true, post: (call) => push(call, false) },
    { kind: 'updateService', path: `${update}/upload`, writer: 'administrator', raw: true, post: (call) => push(call, true) },
  ];
}

function pull({ state, body }: WriteCall): Answer {
  if (body['ImageURI'] === undefined)
    throw new RedfishRefusal('ActionParameterMissing', ['UpdateService.SimpleUpdate', 'ImageURI']);
  const protocol = typeof body['TransferProtocol'] === 'string' ? body['TransferProtocol'].toLowerCase() : 'http';
  const text = String(body['ImageURI']);
  const uri = expectUri('ImageURI', text.includes('://') ? text : `${protocol}://${text}`);
  const names = findTargets(state, body['Targets']);
  return beginUpdate(state, names, new URL(uri).pathname, async () => {
    if (state.mediaFolder !== undefined) await fetchFile(uri, join(state.mediaFolder, 'firmware'));
  });
}

async function push({ state, request }: WriteCall, isMultipart: boolean): Promise<Answer> {
  const type = request.headers['content-type'] ?? '';
  const [, boundary] = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(type) ?? [];
  if (isMultipart && !boundary) throw new RedfishRefusal('UnrecognizedRequestBody');
  const { start, bytes } = await measure(request);
  if (bytes === 0) throw new RedfishRefusal('NoOperation');
  const parameters = isMultipart ? readParameters(start, boundary as string) : {};
  const [, file = ''] = /filename="([^"]*)"/.exec(start) ?? [];
  return beginUpdate(state, findTargets(state, parameters['Targets']), file, () => {});
}

/** The first part holds the parameters, as JSON. */
function readParameters(text: string, boundary: string): Resource {
  const part = text.split(`--${boundary}`).find((piece) => /name="?UpdateParameters"?/i.test(piece));
  const json = part?.slice(part.indexOf('\r\n\r\n') + 4);
  try {
    return JSON.parse(json ?? '') as Resource;
  } catch {
    throw new RedfishRefusal('MalformedJSON');
  }
}

/** Reads the whole body but keeps only its beginning. */
async function measure(request: IncomingMessage): Promise<{ start: string; bytes: number }> {
  let start = '';
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new RedfishRefusal('GeneralError', ['the file is too large']);
    if (start.length < 8192) start += chunk.toString('latin1').slice(0, 8192);
  }
  return { start, bytes };
}

/** Without targets the file is for the BIOS. */
function findTargets({ firmware, paths }: ServiceState, targets: unknown): string[] {
  if (targets === undefined || (Array.isArray(targets) && targets.length === 0)) return ['BIOS'];
  if (!Array.isArray(targets)) throw new RedfishRefusal('PropertyValueTypeError', [JSON.stringify(targets), 'Targets']);
  return targets.map((target) => {
    const name = String(target).slice(paths.inventory.length + 1);
    if (firmware.has(name) && target === `${paths.inventory}/${name}`) return name;
    throw new RedfishRefusal('ActionParameterNotSupported', [String(target), 'Targets']);
  });
}

/** The new version comes from the file's name (`bios-2.5.0.bin`), or is the next one. A name with `broken` fails. */
function beginUpdate(state: ServiceState, names: string[], file: string, before: () => void | Promise<void>): Answer {
  const { firmware, tasks, shape } = state;
  const [version] = /\d+(?:\.\d+)+/.exec(file) ?? [];
  const task = tasks.begin(`Update of ${names.join(', ')}`, shape.taskMs, async () => {
    await before();
    if (file.includes('broken')) throw new Error('the file is no firmware for this machine');
    for (const name of names) firmware.set(name, version ?? nextVersion(firmware.get(name) ?? '0'));
  });
  return taskAnswer(state, task);
}

function nextVersion(version: string): string {
  return version.replace(/\d+$/, (last) => String(Number(last) + 1));
}
