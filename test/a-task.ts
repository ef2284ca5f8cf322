/** Builders of records and of a `Task` for tests of steps: `task.calls` records the step's calls to its machine. */
import { randomUUID } from 'node:crypto';
import { routes } from '#agent-protocol/routes.ts';
import { perField, rowOf } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import { flagsOf, textsOf } from '#domain/node-fields.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { AgentKind, AgentReply, ImageIds, ImageSource, Outcome, Step, Task } from '#drivers/interfaces.ts';
import { StepMemory } from '#engine/worker/step-memory.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';

const at = '2026-01-02T03:04:05.678Z';

export function aNode(changes: Partial<Node> = {}): Node {
  return {
    id: 7,
    uuid: '11111111-1111-4111-8111-111111111111',
    ...textsOf({ name: 'rack1-u7' }),
    ...flagsOf({}),
    driver: 'ipmi',
    ...perField((kind) => rowOf(kind).none ?? 'ipmi'),
    boot_interface: 'ipxe',
    deploy_interface: 'direct',
    driver_info: {},
    revision: 0,
    properties: { cpus: 4, memory_mb: 4096, local_gb: 20, cpu_arch: 'x86_64' },
    extra: {},
    instance_info: {},
    traits: [],
    raid_config: {},
    target_raid_config: {},
    provision_state: 'deploying',
    target_provision_state: 'active',
    power_state: 'power off',
    target_power_state: null,
    maintenance: false,
    maintenance_reason: null,
    fault: null,
    last_error: null,
    instance_uuid: null,
    allocation_uuid: null,
    operation_id: null,
    failures: 0,
    must_clean: false,
    console_enabled: false,
    boot_mode: null,
    secure_boot: null,
    system_uuid: null,
    machine_uuid: null,
    machine_serial: null,
    known_disks: null,
    automatic_lessee: null,
    inventory: null,
    found_hardware: null,
    health: null,
    plugin_data: null,
    inspection_started_at: null,
    inspection_finished_at: null,
    created_at: at,
    updated_at: at,
    provision_updated_at: at,
    ...changes,
  };
}

export function aNodePort(changes: Partial<NodePort> = {}): NodePort {
  return {
    id: 1,
    uuid: '22222222-2222-4222-8222-222222222222',
    node_uuid: '11111111-1111-4111-8111-111111111111',
    address: '52:54:00:00:00:07',
    name: null,
    description: null,
    vendor: null,
    category: null,
    pxe_enabled: true,
    available_for_dynamic_portgroup: true,
    local_link_connection: {},
    extra: {},
    vif_port_id: null,
    portgroup_uuid: null,
    physical_network: null,
    created_at: at,
    updated_at: at,
    ...changes,
  };
}

export function aFlavor(changes: Partial<Flavor> = {}): Flavor {
  return {
    id: 'f1',
    name: 'metal',
    vcpus: 4,
    ram: 4096,
    disk: 1,
    ephemeral: 0,
    swap: 0,
    is_public: true,
    description: null,
    extra_specs: {},
    created_at: at,
    ...changes,
  };
}

export function anImage(changes: Partial<Image> = {}): Image {
  return {
    id: '33333333-3333-4333-8333-333333333333',
    name: 'debian-12',
    status: 'active',
    visibility: 'public',
    owner: 'p1',
    disk_format: 'raw',
    container_format: 'bare',
    min_disk: 0,
    min_ram: 0,
    size: 1024,
    virtual_size: 1024,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    protected: false,
    tags: [],
    properties: {},
    created_at: at,
    updated_at: at,
    ...changes,
  };
}

export function aServer(changes: Partial<Server> = {}): Server {
  return {
    id: '44444444-4444-4444-8444-444444444444',
    name: 'web1',
    hostname: 'web1',
    project_id: 'p1',
    user_id: 'u1',
    flavor: aFlavor(),
    image_id: '33333333-3333-4333-8333-333333333333',
    key_name: null,
    public_key: null,
    user_data: null,
    metadata: {},
    personality: [],
    tags: [],
    port_ids: [],
    requested_networks: 'auto',
    security_groups: [],
    availability_zone: null,
    description: null,
    locked: false,
    locked_by: null,
    locked_reason: null,
    vm_state: 'building',
    task_state: 'spawning',
    preserve_ephemeral: false,
    launch_index: 0,
    node_uuid: '11111111-1111-4111-8111-111111111111',
    fault: null,
    console_log: null,
    created_at: at,
    updated_at: at,
    launched_at: null,
    terminated_at: null,
    ...changes,
  };
}

export function anOperation(changes: Partial<Operation> = {}): Operation {
  return {
    id: randomUUID(),
    kind: 'deploy',
    purpose: 'deploy server web1',
    node_uuid: '11111111-1111-4111-8111-111111111111',
    server_id: '44444444-4444-4444-8444-444444444444',
    request: {},
    context: {},
    state: 'running',
    step: '',
    step_started_at: at,
    api_step: null,
    waiting_for: null,
    again_at: null,
    deadline_at: null,
    fault: null,
    created_at: at,
    updated_at: at,
    ended_at: null,
    ...changes,
  };
}

export type Call = { name: string; args: unknown[] };

export type TaskParts = {
  node?: Partial<Node>;
  server?: Partial<Server>;
  operation?: Partial<Operation>;
  images?: Partial<ImageSource>;
  imageIds?: Partial<ImageIds>;
  /** Replies of the agent by command; a command without one gets no reply. */
  replies?: Record<string, AgentReply>;
  /** Default: Ingot's. */
  agentKind?: AgentKind;
  /** The agent has said hello. */
  heard?: boolean;
  messages?: Record<string, JsonObject>;
  configDrive?: () => Promise<string | undefined>;
  workDir?: string;
  signal?: AbortSignal;
};

export type TestTask = Task & {
  readonly operation: Operation;
  readonly context: JsonObject;
  /** The instance. */
  readonly server: Server;
  readonly calls: Call[];
  readonly notes: string[];
};

/** `replies` and `messages` are read on each use, so a test may add to them between two runs of a step. */
export function aTask(parts: TaskParts = {}): TestTask {
  const calls: Call[] = [];
  const memory = new StepMemory();
  const notes: string[] = [];
  const call = (name: string, ...args: unknown[]) => void calls.push({ name, args });
  const node = aNode(parts.node);
  const operation = anOperation(parts.operation);
  const server = aServer(parts.server);
  let power: PowerState = node.power_state ?? 'power off';
  const missing = async (): Promise<never> => {
    throw new Error('this test gave no such image');
  };
  return {
    calls,
    notes,
    operation,
    context: operation.context,
    node: { ...node, ports: [aNodePort({ node_uuid: node.uuid })] },
    server,
    instance: server,
    signal: parts.signal ?? new AbortController().signal,
    power: {
      get: async () => power,
      forget: () => call('power.forget'),
      awaitFirmware: async () => {},
      async set(target) {
        call('power.set', target);
        power = target === 'power on' || target === 'reset' ? 'power on' : 'power off';
      },
    },
    setBootDevice: async (device, options) => call('setBootDevice', device, options),
    boot: {
      serve: async (request) => call('boot.serve', request),
      withdraw: async () => call('boot.withdraw'),
      agentParameters: () => ({ 'ingot.url': 'http://172.30.0.1:8088', 'ingot.token': 'token' }),
      addresses: { http_url: 'http://172.30.0.1:8088', tftp_address: '172.30.0.1' },
    },
    agent: {
      kind: parts.agentKind ?? 'ingot',
      async image(id) {
        const { path: _, sha256, ...facts } = await (parts.images?.extents ?? missing)(id);
        const { size, virtual_size } = facts;
        return { ...facts, source: { path: `${routes.images}/${id}`, sha256, size, virtual_size } };
      },
      heard: () => (parts.heard ? { first: at, last: at, address: '172.30.0.9' } : undefined),
      async ask(name, params) {
        call('agent.ask', name, params);
        return parts.replies?.[name];
      },
    },
    images: {
      get: missing,
      file: missing,
      raw: missing,
      disk: missing,
      extents: missing,
      recheck: async () => true,
      kernel: async () => ({ format: 'bzImage', architecture: 'x86_64' }),
      ...parts.images,
    },
    imageIds: async () => ({ image: parts.server?.image_id ?? aServer().image_id ?? '', ...parts.imageIds }),
    deployRamdisk: async () => ({ kernel: '/images/deploy-kernel', ramdisk: '/images/deploy-ramdisk' }),
    configDrive: parts.configDrive ?? missing,
    saveContext: async (facts) => void Object.assign(operation.context, facts),
    elapsed: (what) => memory.elapsed(what),
    message: (name) => parts.messages?.[name],
    note: (_subject, message) => void notes.push(message),
    settings: {
      append: 'nofb',
      tftp_root: '/tftpboot',
      work_dir: parts.workDir ?? '/nonexistent',
    },
  };
}

/** Runs one step of a list by its name and merges its result into the operation's context, as the engine does. */
export async function runStep(steps: readonly Step[], name: string, task: TestTask): Promise<Outcome> {
  const step = steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`no step '${name}'; there are: ${steps.map((candidate) => candidate.name).join(', ')}`);
  const outcome = await step.run(task);
  Object.assign(task.operation.context, outcome.context);
  return outcome;
}
