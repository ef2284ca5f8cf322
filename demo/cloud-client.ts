/** A small client of Ingot's public APIs, such as any user could write. */
type Json = Record<string, unknown>;
type Request = { method?: string; body?: unknown; headers?: Record<string, string>; timeoutMs?: number };

export class CloudError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export type CloudEvent = {
  id: number;
  at: string;
  kind: string;
  subject: string;
  message: string;
  duration_ms: number | null;
  data: Json;
};

export type Credentials = { url: string; user: string; password: string; project: string };

export class CloudClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Password login, as Keystone v3 takes it. */
  static async login({ url, user, password, project }: Credentials): Promise<CloudClient> {
    const domain = { name: 'Default' };
    const auth = {
      identity: { methods: ['password'], password: { user: { name: user, password, domain } } },
      scope: { project: { name: project, domain } },
    };
    const reply = await fetch(`${url}/identity/v3/auth/tokens`, {
      method: 'POST',
      body: JSON.stringify({ auth }),
      headers: { 'content-type': 'application/json' },
    });
    if (!reply.ok) throw new CloudError(reply.status, `login failed: ${await reply.text()}`);
    return new CloudClient(url, reply.headers.get('x-subject-token') ?? '');
  }

  get token(): string {
    return this.#token;
  }

  async call<T = Json>(path: string, request: Request = {}): Promise<T> {
    const { method = 'GET', body, headers = {}, timeoutMs = 60_000 } = request;
    const isStream = body instanceof ReadableStream;
    const reply = await fetch(this.#url + path, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'x-auth-token': this.#token, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: isStream ? body : JSON.stringify(body) }),
      ...(isStream && { duplex: 'half' }),
    } as RequestInit);
    const text = await reply.text();
    if (!reply.ok) throw new CloudError(reply.status, `${method} ${path}: ${reply.status} ${text.slice(0, 600)}`);
    return (text ? JSON.parse(text) : {}) as T;
  }

  bareMetal<T = Json>(path: string, request: Request = {}): Promise<T> {
    return this.call<T>(`/baremetal/v1${path}`, {
      ...request,
      headers: { 'x-openstack-ironic-api-version': '1.72', ...request.headers },
    });
  }

  compute<T = Json>(path: string, request: Request = {}): Promise<T> {
    return this.call<T>(`/compute/v2.1${path}`, {
      ...request,
      headers: { 'x-openstack-nova-api-version': '2.79', ...request.headers },
    });
  }

  /** Long poll: waits up to `waitSeconds` for new events. */
  async serverEvents(id: string, after: number, waitSeconds: number): Promise<CloudEvent[]> {
    const query = `after=${after}&limit=500&wait=${waitSeconds}`;
    return (await this.compute<{ events: CloudEvent[] }>(`/servers/${id}/os-ingot-events?${query}`)).events;
  }
}
