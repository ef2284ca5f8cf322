/**
 * What the machinery itself keeps in the request and the context of every operation: the agent and its commands, the
 * console, facts about a failure. The definitions add their own to it.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { JsonObject } from '#domain/json.ts';
import type { Operation } from '#store/tables/operations.ts';

const FreeForm = Type.Unsafe<JsonObject>(Type.Object({}));
const PinnedImage = Type.Object({
  id: Type.String(),
  digest: Type.String(),
  /** No image of the image service: downloaded for an instance. */
  is_fetched: Type.Optional(Type.Boolean()),
});

/** By purpose; `kernel` and `ramdisk` belong to a partition image. */
export const PinnedImages = Type.Object({
  image: PinnedImage,
  kernel: Type.Optional(PinnedImage),
  ramdisk: Type.Optional(PinnedImage),
});
export type PinnedImages = Static<typeof PinnedImages>;

const ImageToFetch = Type.Object({
  url: Type.String(),
  use: Type.Union([Type.Literal('disk'), Type.Literal('kernel'), Type.Literal('ramdisk')]),
  checksum: Type.Optional(Type.String()),
  algorithm: Type.Optional(Type.String()),
  disk_format: Type.Optional(Type.String()),
});

/** The images of an instance that are named by URL; the operation downloads them. */
export const ImageSources = Type.Partial(Type.Object({ image: ImageToFetch, kernel: ImageToFetch, ramdisk: ImageToFetch }));
export type ImageSources = Static<typeof ImageSources>;

/**
 * An instance of Ironic's API, as the node's `instance_info` described it when the operation began. Sizes as in a flavor:
 * `disk` and `ephemeral` in GiB, `swap` in MiB.
 */
export const NodeInstance = Type.Object({
  id: Type.String(),
  hostname: Type.String(),
  /** The project whose images and networks it may use. */
  project_id: Type.String(),
  preserve_ephemeral: Type.Boolean(),
  flavor: Type.Object({
    name: Type.String(),
    disk: Type.Number(),
    ephemeral: Type.Number(),
    swap: Type.Number(),
    extra_specs: Type.Record(Type.String(), Type.String()),
  }),
});
export type NodeInstance = Static<typeof NodeInstance>;

/** Of an operation that boots a machine. */
export const BaseRequest = Type.Partial(
  Type.Object({
    boot_interface: Type.String(),
    /** The images with their digests at the start, and whether an administrator chose them. */
    images: Type.Partial(PinnedImages),
    by_admin: Type.Boolean(),
    sources: ImageSources,
    /** The config drive of the instance is to be downloaded. */
    has_drive_url: Type.Boolean(),
    /** Absent: the instance is the operation's server. */
    instance: NodeInstance,
    /** The operation of another node, and its step, that wait for the end of this one. */
    awaited_by: Type.Object({ operation: Type.String(), step: Type.String() }),
  }),
);
export type BaseRequest = Static<typeof BaseRequest>;

export const BaseContext = Type.Partial(
  Type.Object({
    /** What was downloaded of the request's `sources`. */
    fetched: Type.Partial(PinnedImages),
    /** The bootstrap secret on the ramdisk's kernel command line. */
    agent_secret: Type.String(),
    /** When the agent first and last reported. */
    agent: Type.Object({ first: Type.String(), last: Type.String(), address: Type.String() }),
    agent_binding: Type.Object({
      /** Digest of the agent's random instance id. */
      instance: Type.String(),
      address: Type.String(),
      /** As shown in messages, with the MAC. */
      name: Type.String(),
      session: Type.String(),
    }),
    /** The ramdisk has Ironic's own agent (IPA); absent: Ingot's. */
    ipa: Type.Partial(
      Type.Object({
        /** Where it listens, by its heartbeats; `certificate`: SHA-256 in hex. */
        peer: Type.Object({ url: Type.String(), certificate: Type.String() }),
        /** What has been done of the pending command, whose id it names; see drivers/ipa/programs.ts. */
        work: Type.Object({
          command: Type.String(),
          done: Type.Array(Type.Unsafe<JsonObject & { seconds: number }>(Type.Object({ seconds: Type.Number() }))),
          /** The call that was sent: `known` = the agent's commands before it, `id` = that of its reply. */
          sent: Type.Optional(Type.Object({ known: Type.Number(), at: Type.String(), id: Type.Optional(Type.String()) })),
        }),
      }),
    ),
    /** The pending command. */
    command: Type.Object({ id: Type.String(), name: Type.String(), params: FreeForm, key: Type.Optional(Type.String()) }),
    /** The agent's replies by the command's key, or its name. */
    replies: Type.Record(
      Type.String(),
      Type.Union([
        Type.Object({ ok: Type.Literal(true), result: FreeForm }),
        Type.Object({ ok: Type.Literal(false), error: Type.String() }),
      ]),
    ),
    /** Messages of other programs in the ramdisk, by name. */
    messages: Type.Record(Type.String(), FreeForm),
    /** The key that authenticates the classic POST. */
    deployment_key: Type.String(),
    /** UUIDs by which pxelinux asked for its configuration. */
    loader_uuids: Type.Array(Type.String()),
    /** Messages of the faults in the rollback. */
    undo_faults: Type.Array(Type.String()),
    /** Recorded at the failure: see disk-state.ts. */
    disk_untouched: Type.Boolean(),
    machine_untouched: Type.Boolean(),
    /** The last console lines before the failure. */
    console_tail: Type.Array(Type.String()),
    /** Offset in the console's file at which this boot began. */
    console_since: Type.String(),
    /** The console record contains only output of this operation. */
    console_cleared: Type.Boolean(),
    /** The rollback, or the deletion, has powered the machine off for sure. */
    powered_off: Type.Boolean(),
    /** A power off was skipped, as the machine must not be powered off: it must be restarted. */
    owes_restart: Type.Boolean(),
    manual_power: Type.Object({
      /** The step that requested the change. */
      step: Type.String(),
      /** Number of changes confirmed for this step. */
      done: Type.Number(),
      /** The change requested now; null: none. */
      asked: Type.Union([Type.Literal('power on'), Type.Literal('power off'), Type.Null()]),
    }),
    /** The step whose hold an operator has ended. */
    released: Type.String(),
    /** An abort was requested in a step of Ironic's API that must not be aborted: it takes effect after that step. */
    abort_after: Type.Boolean(),
    /** The row was read by a version that does not understand all of it: what it says is incomplete. */
    is_incomplete: Type.Boolean(),
  }),
);
export type BaseContext = Static<typeof BaseContext>;

/** An operation whose request and context have been checked. */
export type OperationWith<R, C> = Omit<Operation, 'request' | 'context'> & { request: R; context: C };
export type RunningOperation = OperationWith<BaseRequest & JsonObject, BaseContext>;

const validators = new WeakMap<TSchema, Validator>();

/** @param schema one that is kept: it is compiled at its first use */
export function fits<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  const known = validators.get(schema);
  const validator = known ?? Compile(schema);
  if (!known) validators.set(schema, validator as unknown as Validator);
  return validator.Check(value);
}

/** The context of a row as far as the machinery uses it; empty if it is not understood. */
export function contextOf({ context }: Pick<Operation, 'context'>): BaseContext {
  return fits(BaseContext, context) ? context : { is_incomplete: true };
}
