/**
 * Vendor methods for management features without an OpenStack route: sensors, the BMC log, a BMC restart. Any client
 * can call them by `baremetal node passthru`.
 */
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { CallOptions, ManagementInterface, MediaDevice, NodeFacts, VendorMethod } from '#drivers/interfaces.ts';
import { makePassword } from './bmc-password-maker.ts';

type Run = VendorMethod['run'];

/** Replaces the password of the BMC account and stores it in driver_info: engine/power/bmc-passwords.ts. */
type Account = { rotate(uuid: string, password: string, callOptions?: CallOptions): Promise<void> };

/** Lists only what this hardware supports. */
export function bmcMethods(management: ManagementInterface, account: Account): Record<string, VendorMethod> {
  const { readSensors, readLog, clearLog, identify, bmcInfo, resetBmc, changePassword, media } = management;
  return {
    ...(media && mediaMethods(media)),
    ...(readSensors && {
      sensors: reads('Readings of all sensors.', async (...call) => ({ sensors: await readSensors(...ask(call)) })),
    }),
    ...(readLog && {
      log: reads("The BMC's own log of events, oldest first.", async (...call) => ({ log: await readLog(...ask(call)) })),
    }),
    ...(identify && { hardware: reads('Manufacturer, product, serial number and parts.', (...call) => identify(...ask(call))) }),
    ...(bmcInfo && { bmc: reads('Firmware, protocol versions and addresses of the BMC.', (...call) => bmcInfo(...ask(call))) }),
    ...(clearLog && { clear_log: writes("Clears the BMC's log.", (...call) => clearLog(...ask(call)).then(() => null)) }),
    ...(resetBmc && {
      reset_bmc: writes(
        'Restarts the BMC, not the machine; kind=warm (default) or kind=cold.',
        async (node, parameters, callOptions) => {
          const { kind = 'warm' } = parameters;
          if (kind !== 'warm' && kind !== 'cold') throw new Fault('badRequest', { detail: "kind must be 'warm' or 'cold'." });
          await resetBmc(node, kind, callOptions);
          return null;
        },
      ),
    }),
    ...(changePassword && {
      rotate_password: {
        ...writes(
          "Gives the BMC's account a new password, random unless password=… says it, and keeps it in driver_info.",
          rotation(management, account),
        ),
        reservesNode: true,
      },
    }),
  };
}

const devices: readonly MediaDevice[] = ['cdrom', 'floppy', 'disk'];

/** For clients without Ironic's routes for virtual media, which were added in 1.89. */
function mediaMethods({ slots, insert, eject }: NonNullable<ManagementInterface['media']>): Record<string, VendorMethod> {
  const deviceOf = ({ device = 'cdrom' }: JsonObject): MediaDevice => {
    const found = devices.find((each) => each === device);
    if (!found) throw new Fault('badRequest', { detail: `device must be one of ${devices.join(', ')}.` });
    return found;
  };
  return {
    media: reads('Lists the virtual media drives and their contents.', async (...call) => ({
      media: await slots(...ask(call)),
    })),
    insert_media: writes(
      'Puts image_url=… into a drive; device=cdrom (default), floppy or disk.',
      async (node, parameters, callOptions) => {
        const { image_url } = parameters;
        if (typeof image_url !== 'string' || !imagePattern.test(image_url) || !URL.canParse(image_url))
          throw new Fault('badRequest', { detail: 'image_url must be a URL that the BMC can fetch.' });
        await insert(node, deviceOf(parameters), image_url, callOptions);
        return null;
      },
    ),
    eject_media: writes(
      'Ejects the medium of a drive; device=cdrom (default), floppy or disk.',
      async (node, parameters, callOptions) => {
        await eject(node, deviceOf(parameters), callOptions);
        return null;
      },
    ),
  };
}

/** Same pattern as in the API's own routes. */
const imagePattern = /^(https?|nfs|cifs|ftp):\/\/[!-~]{1,2040}$/;

/** Always objects: of a list, the `openstack` client shows only the first entry. */
const reads = (help: string, run: (...call: Parameters<Run>) => Promise<unknown>): VendorMethod => ({
  help,
  http: ['GET'],
  run: async (...call) => (await run(...call)) as Json,
});
const writes = (help: string, run: Run): VendorMethod => ({ help, http: ['POST', 'PUT'], run });

function ask([node, , callOptions]: Parameters<Run>): [NodeFacts, CallOptions | undefined] {
  return [node, callOptions];
}

function rotation({ passwordRules }: ManagementInterface, { rotate }: Account): Run {
  return async (node, parameters, callOptions) => {
    const password = parameters['password'] ?? makePassword(await passwordRules?.(node, callOptions));
    if (typeof password !== 'string' || password === '') throw new Fault('badRequest', { detail: 'password must be text.' });
    await rotate(node.uuid, password, callOptions);
    return null;
  };
}
