/**
 * What Ironic's own agent (ironic-python-agent, IPA) sends: its lookup and heartbeats, below the URL of the kernel
 * parameter `ipa-api-url`. That URL ends with the bootstrap token, so that the lookup is authenticated, which Ironic's
 * is not. The reply to the first lookup contains the agent token, which all heartbeats carry.
 */
import { type Static, Type } from 'typebox';

export const ipaRoutes = {
  /** The bootstrap token follows. */
  api: '/ipa',
  /** GET: an image as a raw disk, `/ipa-images/<image id>/<image token>`. */
  images: '/ipa-images',
} as const;

/** Kernel parameters of IPA that Ingot sets, and no one else may. */
export const ipaParameters = {
  url: 'ipa-api-url',
  /** IPA does not check the certificate of `ipa-api-url`: no ramdisk knows the self-made one. */
  insecure: 'ipa-insecure',
  requestId: 'ipa-global-request-id',
} as const;

/** The lowest version at which IPA sends its certificate with the heartbeat (`agent_verify_ca`). */
export const ipaApiVersion = '1.68';

/** Instead of a token that was given before: IPA keeps the one it has. */
export const tokenGiven = '******';

export const IpaLookup = Type.Object({
  addresses: Type.Optional(Type.String({ maxLength: 8192 })),
  node_uuid: Type.Optional(Type.String({ maxLength: 36 })),
});
export type IpaLookup = Static<typeof IpaLookup>;

export const IpaHeartbeat = Type.Object({
  callback_url: Type.String({ maxLength: 200 }),
  agent_token: Type.Optional(Type.Union([Type.String({ maxLength: 200 }), Type.Null()])),
  agent_version: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
  /** PEM. */
  agent_verify_ca: Type.Optional(Type.Union([Type.String({ maxLength: 16_384 }), Type.Null()])),
  agent_status: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
  agent_status_message: Type.Optional(Type.Union([Type.String({ maxLength: 2000 }), Type.Null()])),
});
export type IpaHeartbeat = Static<typeof IpaHeartbeat>;

export type IpaLookupReply = {
  node: { uuid: string; properties: object; instance_info: object; driver_internal_info: object };
  config: {
    /** Seconds; IPA sends a heartbeat after 0.3 to 0.6 of it. */
    heartbeat_timeout: number;
    agent_token: string;
    agent_token_required: true;
    agent_md5_checksum_enable: false;
    disable_deep_image_inspection: false;
    permitted_image_formats: readonly string[];
  };
};

/** Maximum size of a heartbeat's body in bytes. */
export const heartbeatMax = 32 * 1024;
